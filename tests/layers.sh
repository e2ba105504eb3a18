# The runtime's layers: a folder includes nothing of those below it in the table of runtime/README.md, and every file of
# C has its row there, and every row a file.
# usage: layers.sh SOURCE
set -eu
cd "$1/runtime"
# shellcheck disable=SC2046 # names without spaces
awk -F'|' '
    FILENAME == "README.md" && /^\|/ && !/---/ && !over {
        if (match($2, /`[^`]*\/`/)) {
            folder = substr($2, RSTART + 1, RLENGTH - 3)
            place[folder] = ++folders
        }
        words = split($3, word, "`")
        for (i = 2; i <= words; i += 2) {
            row[++rows] = word[i]
            folder_of[rows] = folder
            gsub(/\*/, ".*", word[i])
            pattern[rows] = "^" word[i] "$"
        }
    }
    FILENAME == "README.md" { over = over || (folders && !/^\|/); next }
    FNR == 1 {
        parts = split(FILENAME, part, "/")
        ours = parts > 2 ? part[2] : "."
        name = part[parts]
        sub(/\.[ch]$/, "", name)
        found = 0
        for (i = 1; i <= rows; i++)
            if (folder_of[i] == ours && name ~ pattern[i]) found = used[i] = 1
        if (!found) {
            print "runtime/README.md has no row for " FILENAME
            failed = 1
        }
    }
    /^#include "runtime\// {
        split($0, quoted, "\"")
        parts = split(quoted[2], part, "/")
        theirs = parts > 2 ? part[2] : "."
        if (place[theirs] > place[ours]) {
            print FILENAME " includes " quoted[2] ", which is of a lower layer"
            failed = 1
        }
    }
    END {
        for (i = 1; i <= rows; i++)
            if (!used[i]) {
                print "runtime/README.md has a row for " folder_of[i] "/" row[i] ", and there is no such file"
                failed = 1
            }
        if (folders < 2) print "runtime/README.md has no table of folders"
        exit failed || folders < 2
    }' README.md $(find . -name '*.[ch]' | sort)
