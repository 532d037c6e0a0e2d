package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/platform/durable"
)

const origin = "ledger.example.com/main"

func identity(t *testing.T) string {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// folder is a data folder with a ledger key and a kek file.
func folder(t *testing.T) (dir string, source KEKSource, vkey string) {
	t.Helper()
	dir = t.TempDir()
	source = KEKSource{File: filepath.Join(dir, kekFile)}
	signer, err := Create(dir, origin, source)
	if err != nil {
		t.Fatal(err)
	}
	return dir, source, signer.VerifierKey()
}

func TestCreatedAndOpenedKeysSignTheSameNotes(t *testing.T) {
	for _, source := range map[string]func(dir string) KEKSource{
		"file":        func(dir string) KEKSource { return KEKSource{File: filepath.Join(dir, "kek")} },
		"environment": func(string) KEKSource { return KEKSource{Identity: identity(t), File: "/nonexistent/kek"} },
	} {
		dir := t.TempDir()
		kek := source(dir)
		made, err := Create(dir, origin, kek)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := Open(dir, kek)
		if err != nil {
			t.Fatal(err)
		}
		vkey, err := VerifierKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		if vkey != made.VerifierKey() || vkey != opened.VerifierKey() {
			t.Errorf("three verifier keys: %q %q %q", vkey, made.VerifierKey(), opened.VerifierKey())
		}
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			t.Fatal(err)
		}
		if verifier.Name() != origin {
			t.Errorf("the key is named %q, want the origin", verifier.Name())
		}
		for _, signer := range []*Signer{made, opened} {
			msg, err := note.Sign(&note.Note{Text: "text\n"}, signer)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := note.Open(msg, note.VerifierList(verifier)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFilesHaveTheirModesAndHoldNoSecretInClear(t *testing.T) {
	dir, _, _ := folder(t)
	for name, want := range map[string]fs.FileMode{privateFile: 0o600, verifierFile: 0o644, kekFile: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "PRIVATE+KEY") {
			t.Errorf("%s holds the private key in clear", name)
		}
	}
	// With the key-encryption key in the environment no file of it is made.
	other := t.TempDir()
	if _, err := Create(other, origin, KEKSource{Identity: identity(t), File: filepath.Join(other, kekFile)}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(other, kekFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a kek file was made: %v", err)
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	for _, keep := range [][]string{{privateFile, verifierFile}, {privateFile}, {verifierFile}} {
		dir, source, _ := folder(t)
		before := map[string]string{}
		for _, name := range []string{privateFile, verifierFile, kekFile} {
			path := filepath.Join(dir, name)
			if name != kekFile && !slices.Contains(keep, name) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				continue
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			before[path] = string(data)
		}
		if _, err := Create(dir, origin, source); !errors.Is(err, ErrExists) {
			t.Errorf("with %v: %v, want ErrExists", keep, err)
		}
		for path, want := range before {
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("with %v: %s changed", keep, path)
			}
		}
	}
}

func TestOpenRestoresAVerifierKeyThatACrashLeftOut(t *testing.T) {
	dir, source, vkey := folder(t)
	if err := os.Remove(filepath.Join(dir, verifierFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifierKey(dir); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v, want ErrMissing", err)
	}
	if _, err := Open(dir, source); err != nil {
		t.Fatal(err)
	}
	if got, err := VerifierKey(dir); err != nil || got != vkey {
		t.Errorf("restored %q, %v; want %q", got, err, vkey)
	}
}

func TestCreateGoesOnAfterACrashThatLeftAKEK(t *testing.T) {
	dir := t.TempDir()
	source := KEKSource{File: filepath.Join(dir, kekFile)}
	if _, err := source.loadOrCreate(); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, origin, source); err != nil {
		t.Error(err)
	}
}

func TestDefaultKEKPrefersTheEnvironment(t *testing.T) {
	t.Setenv(EnvKEK, "")
	if got := DefaultKEK("dir"); got.Identity != "" || got.File != filepath.Join("dir", kekFile) {
		t.Errorf("without: %v", got)
	}
	dir, _, _ := folder(t)
	t.Setenv(EnvKEK, identity(t))
	if _, err := Open(dir, DefaultKEK(dir)); !errors.Is(err, ErrKEKWrong) {
		t.Errorf("another key in the environment: %v, want ErrKEKWrong though the file is right", err)
	}
}

func TestWhatCanBeWrongIsNamed(t *testing.T) {
	write := func(name string, mode fs.FileMode, text string) func(*testing.T, string, *KEKSource) {
		return func(t *testing.T, dir string, _ *KEKSource) {
			path := filepath.Join(dir, name)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := durable.Create(path, mode, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string, *KEKSource) {
		return func(t *testing.T, dir string, _ *KEKSource) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	chmod := func(mode fs.FileMode) func(*testing.T, string, *KEKSource) {
		return func(t *testing.T, dir string, _ *KEKSource) {
			if err := os.Chmod(filepath.Join(dir, kekFile), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		change func(t *testing.T, dir string, source *KEKSource)
		want   error
		says   string
	}{
		"no ledger key":         {remove(privateFile), ErrMissing, privateFile},
		"empty ledger key":      {write(privateFile, 0o600, ""), ErrDamaged, privateFile},
		"ledger key no age":     {write(privateFile, 0o600, "garbage"), ErrDamaged, privateFile},
		"huge ledger key":       {write(privateFile, 0o600, strings.Repeat("x", fileLimit+1)), ErrDamaged, privateFile},
		"no kek":                {remove(kekFile), ErrKEKMissing, EnvKEK},
		"kek for group":         {chmod(0o640), ErrKEKPermissions, "chmod 600"},
		"kek for others":        {chmod(0o604), ErrKEKPermissions, "0604"},
		"kek of group writable": {chmod(0o620), ErrKEKPermissions, "0620"},
		"kek empty":             {write(kekFile, 0o600, ""), ErrKEKWrong, kekFile},
		"kek no key":            {write(kekFile, 0o600, "AGE-SECRET-KEY-1HUNTER2\n"), ErrKEKWrong, kekFile},
		"kek two keys": {func(t *testing.T, dir string, s *KEKSource) {
			right, err := os.ReadFile(s.File)
			if err != nil {
				t.Fatal(err)
			}
			write(kekFile, 0o600, string(right)+identity(t))(t, dir, s)
		}, ErrKEKWrong, "exactly one"},
		"kek another key":           {write(kekFile, 0o600, identity(t)), ErrKEKWrong, "another key"},
		"kek huge":                  {write(kekFile, 0o600, strings.Repeat("#", kekFileLimit+1)), ErrKEKWrong, kekFile},
		"kek in environment no key": {func(_ *testing.T, _ string, s *KEKSource) { s.Identity = "AGE-SECRET-KEY-1HUNTER2" }, ErrKEKWrong, EnvKEK},
		"kek a folder":              {func(_ *testing.T, dir string, s *KEKSource) { s.File = dir }, ErrKEKWrong, "regular"},
		"verifier key of another": {func(t *testing.T, dir string, _ *KEKSource) {
			_, _, other := folder(t)
			write(verifierFile, 0o644, other+"\n")(t, dir, nil)
		}, ErrDamaged, verifierFile},
		"verifier key garbage": {write(verifierFile, 0o644, "garbage"), ErrDamaged, verifierFile},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, source, _ := folder(t)
			secret, err := os.ReadFile(source.File)
			if err != nil {
				t.Fatal(err)
			}
			test.change(t, dir, &source)
			_, err = Open(dir, source)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not say %q", err, test.says)
			}
			if strings.Contains(err.Error(), strings.TrimSpace(string(secret))) || strings.Contains(err.Error(), "HUNTER2") {
				t.Errorf("the error holds the secret: %q", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
		})
	}
}

func TestOpenAcceptsAFileAsAgeKeygenWritesIt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "k")
	text := "# created: 2026-01-01T00:00:00Z\n# public key: age1...\n" + identity(t) + "\n"
	if err := os.WriteFile(path, []byte(text), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, origin, KEKSource{File: path}); err != nil {
		t.Error(err)
	}
}

func TestAnyChangedByteOfTheEncryptedKeyIsNoticed(t *testing.T) {
	dir, source, _ := folder(t)
	path := filepath.Join(dir, privateFile)
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		changed := slices.Clone(sealed)
		changed[i] ^= 1
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		signer, err := Open(dir, source)
		if err == nil {
			t.Errorf("byte %d changed, and %s opens", i, signer.VerifierKey())
		} else if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrKEKWrong) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
}

func TestCreateRefusesOriginsThatCannotNameAKey(t *testing.T) {
	for _, bad := range []string{"", " ", "a b", "a+b", "a\nb", "a\u00a0b", "a\x00b", "\xff"} {
		dir := t.TempDir()
		if _, err := Create(dir, bad, KEKSource{Identity: identity(t)}); !errors.Is(err, ErrOrigin) {
			t.Errorf("%q: %v, want ErrOrigin", bad, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("%q left %v", bad, entries)
		}
	}
}

func TestEveryAcceptedOriginOpensAgain(t *testing.T) {
	kek := KEKSource{Identity: identity(t)}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringN(1, 20, 60).Draw(rt, "origin")
		dir := t.TempDir()
		made, err := Create(dir, name, kek)
		if err != nil {
			if !errors.Is(err, ErrOrigin) {
				rt.Fatal(err)
			}
			return
		}
		opened, err := Open(dir, kek)
		if err != nil {
			rt.Fatal(err)
		}
		if opened.Name() != name || opened.VerifierKey() != made.VerifierKey() {
			rt.Fatalf("%q became %q", made.VerifierKey(), opened.VerifierKey())
		}
	})
}

func TestNoFormatVerbPrintsASecret(t *testing.T) {
	secret := identity(t)
	source := KEKSource{Identity: secret, File: "f"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if out := fmt.Sprintf(verb, source); strings.Contains(out, secret) {
			t.Errorf("KEKSource %s: %s", verb, out)
		}
	}
}

// FuzzParse holds that decrypted text either is a key that signs or an error.
func FuzzParse(f *testing.F) {
	skey, vkey, err := note.GenerateKey(zeros{}, origin)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(skey + "\n" + vkey + "\n")
	f.Add(skey + "\n")
	f.Add(vkey + "\n" + skey + "\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		signer, err := parse(text)
		if err != nil {
			return
		}
		verifier, err := note.NewVerifier(signer.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		msg, err := note.Sign(&note.Note{Text: "x\n"}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := note.Open(msg, note.VerifierList(verifier)); err != nil {
			t.Fatal(err)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
