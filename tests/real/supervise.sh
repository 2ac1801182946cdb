# Runs a program until it ends, or until standard input does, which is when the test that started it is gone, however it went.
#
#     sh supervise.sh FOLDER PROGRAM [ARGUMENTS]
#
# FOLDER is removed afterwards.
folder=$1
shift
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{
    read -r _
    kill -TERM "$program"
    sleep 15
    kill -KILL "$program"
} <&3 2>/dev/null &
watcher=$!
wait "$program"
status=$?
kill "$watcher" 2>/dev/null
rm -rf "$folder"
exit "$status"
