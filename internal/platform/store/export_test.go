package store

// Waiting is the number of connections that wait for readers.
func (db *DB) Waiting() int { return db.readers.Stats().Idle }

// MaxKept is how many statements a connection keeps.
const MaxKept = maxKept
