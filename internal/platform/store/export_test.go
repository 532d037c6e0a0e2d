package store

// Waiting is the number of connections that wait for readers.
func (db *DB) Waiting() int { return db.readers.Stats().Idle }

// MaxKept is how many statements a connection keeps.
const MaxKept = maxKept

// MaxTogether is how many readers of one moment there are at once.
func MaxTogether() int { return maxTogether() }
