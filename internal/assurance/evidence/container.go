package evidence

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
)

// A bundle is a ZIP archive in which every byte follows from the names and
// contents of its files and their order: nothing is compressed, no header holds
// a time or an attribute, nothing stands between or after the files. Verifying
// writes the archive again and compares.

// header is the one header that a file has.
func header(path string, size int64, crc uint32) *zip.FileHeader {
	return &zip.FileHeader{
		Name: path, Method: zip.Store, CRC32: crc,
		ModifiedDate:     zipDate, //nolint:staticcheck // Modified adds an extra field
		CompressedSize64: uint64(size), UncompressedSize64: uint64(size),
	}
}

// packer writes the files of a bundle.
type packer struct {
	zip   *zip.Writer
	files []File
	bytes int64
	seen  map[string]bool
}

func newPacker(w io.Writer) *packer {
	return &packer{zip: zip.NewWriter(w), seen: map[string]bool{}}
}

// add writes a file that is in memory.
func (p *packer) add(path, what string, data []byte) error {
	if err := p.list(path, what, int64(len(data)), sum(data)); err != nil {
		return err
	}
	return p.write(path, data)
}

// write writes a file that the manifest does not list.
func (p *packer) write(path string, data []byte) error {
	w, err := p.zip.CreateRaw(header(path, int64(len(data)), crc32.ChecksumIEEE(data)))
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func (p *packer) list(path, what string, size int64, hash string) error {
	if err := checkPath(path); err != nil {
		return err
	}
	if p.seen[path] {
		return fmt.Errorf("the bundle would hold %s twice", path)
	}
	p.seen[path] = true
	p.files = append(p.files, File{path, size, hash, what})
	p.bytes += size
	return nil
}

// addFrom writes a file that is read twice: its size and hash stand before it.
func (p *packer) addFrom(path, what string, open func() (io.ReadCloser, error)) error {
	tally := newTally()
	if err := copyFrom(tally, open); err != nil {
		return err
	}
	if err := p.list(path, what, tally.size, tally.hex()); err != nil {
		return err
	}
	w, err := p.zip.CreateRaw(header(path, tally.size, tally.crc.Sum32()))
	if err != nil {
		return err
	}
	again := newTally()
	if err := copyFrom(io.MultiWriter(w, again), open); err != nil {
		return err
	}
	if again.hex() != tally.hex() {
		return fmt.Errorf("%s changed while it was read", path)
	}
	return nil
}

func copyFrom(w io.Writer, open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	_, err = io.Copy(w, r)
	return err
}

// tally counts and hashes what is written to it.
type tally struct {
	size int64
	sum  hash.Hash
	crc  hash.Hash32
}

func newTally() *tally { return &tally{sum: sha256.New(), crc: crc32.NewIEEE()} }

func (t *tally) Write(data []byte) (int, error) {
	t.size += int64(len(data))
	_, _ = t.sum.Write(data) // hashes take everything
	return t.crc.Write(data)
}

func (t *tally) hex() string { return hex.EncodeToString(t.sum.Sum(nil)) }

// spool is a file of a bundle while its size is not known yet: a temporary file
// without a name.
type spool struct {
	file *os.File
	out  *bufio.Writer
}

func newSpool() (*spool, error) {
	file, err := os.CreateTemp("", "scaf-evidence-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // it lives as long as it is open
	return &spool{file, bufio.NewWriterSize(file, 64<<10)}, nil
}

func (s *spool) line(data []byte) error {
	if _, err := s.out.Write(data); err != nil {
		return err
	}
	return s.out.WriteByte('\n')
}

// open reads the spooled bytes from the beginning.
func (s *spool) open() (io.ReadCloser, error) {
	if err := s.out.Flush(); err != nil {
		return nil, err
	}
	info, err := s.file.Stat()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.NewSectionReader(s.file, 0, info.Size())), nil
}

func (s *spool) close() { _ = s.file.Close() }
