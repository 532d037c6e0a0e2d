package record

import "sync"

// maxParsed bounds the documents, in bytes, of which what is made of one type is kept:
// those of the latest generation, and as many again.
const maxParsed = 8 << 20

type parsedKey[T any] struct{}

// parsed is what was made of documents. A generation that is full is kept while the
// next one fills: what was asked for meanwhile is in that one, too.
type parsed[T any] struct {
	mu       sync.Mutex
	now, old map[string]*T
	size     int // of the documents of now
}

// Parsed is what is made of a document, once while the database that the memo is of is
// open (see store.Reader.Memo): it depends on the document's bytes alone, it is one for
// all who ask, and nobody changes it. A nil memo makes it anew. The document is valid
// during the call only.
func Parsed[T any](memo *sync.Map, doc []byte, of func(doc []byte) (*T, error)) (*T, error) {
	if memo == nil {
		return of(doc)
	}
	found, _ := memo.LoadOrStore(parsedKey[T]{}, &parsed[T]{now: map[string]*T{}})
	kept, ok := found.(*parsed[T])
	if !ok {
		return of(doc)
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	one := kept.now[string(doc)]
	if one != nil {
		return one, nil
	}
	if one = kept.old[string(doc)]; one == nil {
		var err error
		if one, err = of(doc); err != nil {
			return nil, err
		}
	}
	if kept.size += len(doc); kept.size > maxParsed {
		kept.old, kept.now, kept.size = kept.now, map[string]*T{}, len(doc)
	}
	kept.now[string(doc)] = one
	return one, nil
}
