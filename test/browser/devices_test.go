package browser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// What the device management says comes in as a table: a laptop that is not as it should
// be is seen on its page, what was found on it is dealt with, and it is given back.
func TestDevicesAndOneThatIsNotAsItShouldBe(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	table := filepath.Join(t.TempDir(), "mdm.csv")
	if err := os.WriteFile(table, []byte("id,device,owner,seen_at,disk_encrypted,screen_lock,updates_current,protection_running,removable_media\n"+
		"LAP-1@2026-02-01,LAP-1,person/E4,2026-02-01T09:00:00Z,true,true,true,true,blocked\n"+
		"LAP-2@2026-02-01,LAP-2,person/E6,2026-02-01T09:00:00Z,false,true,false,true,free\n"+
		"LAP-3@2026-02-01,LAP-3,,2026-02-01T09:00:00Z,true,true,true,true,blocked\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lead.goes("/import/device_postures")
	lead.do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{table}))
	lead.presses("Show what it would do")
	lead.holds("main", "Nothing has been written yet", "LAP-2@2026-02-01", "LAP-3 is not in the register of devices")
	lead.audited("devices-preview")
	lead.presses("Take the others")
	lead.holds("main", "was read to its end")

	lead.goes("/r/devices?f.compliant=false")
	lead.follows("main table", "/r/devices/LAP-2")
	lead.says("Owner", "Fay Example")
	lead.says("As it should be", "No")
	lead.audited("device")
	lead.follows("main", "/r/device_postures/")
	lead.says("Disk encrypted", "No")
	lead.says("Removable media", "Free")

	v := c.signs(t, "engineer")
	found := v.adds("malware_detections", "f-device", "device/LAP-2", "f-what", "A miner", "f-found_at", "2026-02-02T09:00", "f-owner", "person/E4")
	v.goes("/work")
	v.follows("main", found)
	v.fills("handled-f-outcome", "It was set up anew", "handled-f-handled_at", "2026-02-02T15:00")
	v.presses("Record what was done")
	v.says("Dealt with by", "Dora Example")

	v.goes("/r/devices/LAP-2")
	v.holds("main", "Malware detections", "A miner")
	v.fills("ended-f-ended_how", "Wiped and scrapped")
	v.presses("Record the end")
	v.stands("Ended")

	c.tests(t, "END-01", "posture", 2, 1)
	c.tests(t, "END-01", "threats", 1, 1)
}
