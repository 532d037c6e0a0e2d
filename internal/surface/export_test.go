package surface

// TellComing is what the night does with what becomes a deviation before long.
var TellComing = (*System).tellComing
