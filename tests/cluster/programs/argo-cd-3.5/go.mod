module github.com/kars-project/karsc/tests/cluster/programs/argo-cd-3.5

go 1.25.5

require github.com/argoproj/argo-cd/v3 v3.5.1
