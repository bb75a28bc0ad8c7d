module hexabase.test/hostcluster/pause

go 1.26
