package evidence

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// archive is a bundle's container, opened: its structure has been checked, the
// contents of its files have not.
type archive struct {
	reader   io.ReaderAt
	size     int64
	zip      *zip.Reader
	byPath   map[string]*zip.File
	manifest Manifest
	sum      string // of the manifest's bytes
}

// openArchive reads the directory and the manifest. Sizes are checked before
// anything is read: a file is as large as it says, since nothing is compressed,
// and together they are not larger than the archive.
func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	reader, err := zip.NewReader(r, size)
	if err != nil {
		return nil, refused("it is not a whole ZIP archive: %v", err)
	}
	a := &archive{reader: r, size: size, zip: reader, byPath: map[string]*zip.File{}}
	if len(reader.File) > maxFiles {
		return nil, refused("it has %d files, a bundle at most %d", len(reader.File), maxFiles)
	}
	var total uint64
	for _, file := range reader.File {
		if err := checkPath(file.Name); err != nil {
			return nil, err
		}
		if a.byPath[file.Name] != nil {
			return nil, refused("it has two files %s", file.Name)
		}
		if file.Method != zip.Store || file.CompressedSize64 != file.UncompressedSize64 {
			return nil, refused("%s is compressed: the files of a bundle are stored as they are, so that none can be larger than it looks", file.Name)
		}
		if total += file.UncompressedSize64; file.UncompressedSize64 > uint64(size) || total > uint64(size) {
			return nil, refused("its files say that they have more than the %d bytes of the archive", size)
		}
		a.byPath[file.Name] = file
	}
	for _, path := range []string{manifestFile, anchorFile} {
		if a.byPath[path] == nil {
			return nil, refused("it has no %s", path)
		}
	}
	return a, a.readManifest()
}

func (a *archive) readManifest() error {
	data, err := a.read(manifestFile, maxManifest)
	if err != nil {
		return err
	}
	a.sum = sum(data)
	if err := canonical(data, &a.manifest); err != nil {
		return refused("%s: %v", manifestFile, err)
	}
	if a.manifest.Format != Format {
		return refused("its format is %.40q, this program reads %s", a.manifest.Format, Format)
	}
	return a.sameFiles()
}

// sameFiles holds the archive's directory against the manifest: the same files
// in the same order, and then the manifest and the anchor.
func (a *archive) sameFiles() error {
	listed := map[string]int{}
	for i, file := range a.manifest.Files {
		if _, twice := listed[file.Path]; twice {
			return refused("the manifest lists %s twice", file.Path)
		}
		listed[file.Path] = i
	}
	var wrong []string
	for _, file := range a.manifest.Files {
		if a.byPath[file.Path] == nil {
			wrong = append(wrong, file.Path+" is in the manifest and missing in the archive")
		}
	}
	for _, file := range a.zip.File {
		if _, ok := listed[file.Name]; !ok && file.Name != manifestFile && file.Name != anchorFile {
			wrong = append(wrong, file.Name+" is in the archive and not in the manifest")
		}
	}
	if len(wrong) > 0 {
		return refused("%s", someOf(wrong))
	}
	for i, file := range a.zip.File {
		want := append([]string{}, manifestFile, anchorFile)[max(0, min(1, i-len(a.manifest.Files)))]
		if i < len(a.manifest.Files) {
			want = a.manifest.Files[i].Path
		}
		if file.Name != want {
			return refused("file %d of the archive is %s, where the manifest has %s: the files are out of order", i+1, file.Name, want)
		}
	}
	return nil
}

// someOf joins the first texts of a list.
func someOf(texts []string) string {
	const most = 10
	if more := len(texts) - most; more > 0 {
		return strings.Join(texts[:most], "; ") + fmt.Sprintf("; and %d more", more)
	}
	return strings.Join(texts, "; ")
}

// read reads a file whole.
func (a *archive) read(path string, limit uint64) ([]byte, error) {
	file := a.byPath[path]
	if file == nil {
		return nil, refused("it has no %s", path)
	}
	if file.UncompressedSize64 > limit {
		return nil, refused("%s has %d bytes, at most %d are taken", path, file.UncompressedSize64, limit)
	}
	raw, err := file.OpenRaw()
	if err != nil {
		return nil, refused("%s: %v", path, err)
	}
	data := make([]byte, file.UncompressedSize64)
	if _, err := io.ReadFull(raw, data); err != nil {
		return nil, refused("%s is cut short: %v", path, err)
	}
	return data, nil
}

// check reads every file, holds it against the manifest, and holds the archive
// against the one that its files make. All files that differ are named.
func (a *archive) check(ctx context.Context, progress func(done, total int64)) error {
	room := int(min(a.size, 1<<20))
	whole := &comparer{with: bufio.NewReaderSize(io.NewSectionReader(a.reader, 0, a.size), room)}
	again := zip.NewWriter(whole)
	buffer := make([]byte, room)
	var wrong []string
	var done int64
	for i, file := range a.zip.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		raw, err := file.OpenRaw()
		if err != nil {
			return refused("%s: %v", file.Name, err)
		}
		out, err := again.CreateRaw(header(file.Name, int64(file.UncompressedSize64), file.CRC32))
		if err != nil {
			return err
		}
		content := newTally()
		if _, err := io.CopyBuffer(io.MultiWriter(content, out), raw, buffer); err != nil {
			return refused("%s: %v", file.Name, err)
		}
		if i < len(a.manifest.Files) {
			if listed := a.manifest.Files[i]; content.size != listed.Size || content.hex() != listed.SHA256 {
				wrong = append(wrong, fmt.Sprintf("%s has %d bytes with the SHA-256 %s, the manifest says %d and %s", file.Name, content.size, content.hex(), listed.Size, listed.SHA256))
				continue
			}
		}
		if content.crc.Sum32() != file.CRC32 {
			wrong = append(wrong, fmt.Sprintf("%s has the checksum %08x, the archive says %08x", file.Name, content.crc.Sum32(), file.CRC32))
		}
		if done += content.size; progress != nil {
			progress(done, a.size)
		}
	}
	if err := again.Close(); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return refused("%s", someOf(wrong))
	}
	return whole.finish()
}

// comparer compares what is written to it with what it reads.
type comparer struct {
	with   *bufio.Reader
	at     int64
	first  int64 // offset of the first difference, from 1; 0: none
	buffer []byte
}

// Write implements io.Writer. A difference is not an error of writing: the
// first one is kept.
func (c *comparer) Write(data []byte) (int, error) {
	if c.first > 0 {
		return len(data), nil
	}
	if len(c.buffer) < len(data) {
		c.buffer = make([]byte, len(data))
	}
	n, err := io.ReadFull(c.with, c.buffer[:len(data)])
	if err != nil || !bytes.Equal(c.buffer[:n], data) {
		same := 0
		for same < n && c.buffer[same] == data[same] {
			same++
		}
		c.first = c.at + int64(same) + 1
	}
	c.at += int64(len(data))
	return len(data), nil
}

func (c *comparer) finish() error {
	if c.first > 0 {
		return refused("byte %d of the archive is not what the headers of a bundle have there", c.first-1)
	}
	if _, err := c.with.ReadByte(); err == nil {
		return refused("bytes follow the archive after byte %d", c.at)
	}
	return nil
}
