# Sourced by the scripts beside it: the Go modules of ours that have packages.
go_modules() { git ls-files 'collector/**/go.mod' 'bench/**/go.mod' | xargs -r -n 1 dirname; }
