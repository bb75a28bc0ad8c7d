module hexabase.test/hostcluster/netcheck

go 1.26
