# What the emulator has without a seed of its own.
cluster_id          = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/Microsoft.ContainerService/managedClusters/demo"
resource_group_name = "rg-demo"
tags                = { application = "cluster-agent" }
