# Arguments: folder, then the server's command line. Runs the server until
# standard input closes, then stops it and removes the folder, unless that has a
# file "keep" in it.
dir=$1
shift
exec 3<&0
"$@" >"$dir/log" 2>&1 3<&- &
server=$!
(
	read -r _ <&3
	# The mark says that the server is gone already and its id means nothing.
	# SIGQUIT is PostgreSQL's immediate shutdown: the data is thrown away anyhow.
	[ -e "$dir/exited" ] || kill -QUIT "$server"
) >/dev/null 2>&1 &
guard=$!
wait "$server"
: >"$dir/exited"
wait "$guard"
[ -e "$dir/keep" ] || rm -rf "$dir"
