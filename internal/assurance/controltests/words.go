package controltests

import "strings"

// Words is the conclusion as people write it: "effective with exceptions".
func (c Conclusion) Words() string { return strings.ReplaceAll(string(c), "_", " ") }
