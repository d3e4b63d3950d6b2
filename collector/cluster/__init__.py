"""Shards of one run on a Dask cluster: the only room that knows Dask (extra `dask`).

    cluster_run       the composition root, in the process that was started: token, dates, one
                      display; takes the results of the shards
    crew              hands out the shards, as many at a time as there are workers
    care              one token for all of them, and each one's share of the rate
    shard_task        one shard, in a worker of the cluster
    messages          what the two say to each other: orders there, reports back
    channel           how the one that was started sends them, and hears of the others
    cluster           the cluster itself: a local one, or an address
    shared_directory  the run directory, as whoever hands out shards finds it and holds it
    own_signals       keeps signals from the processes of a local cluster
    division          pure: into how many shards, who runs, at which share of the rate
    joint_tally       the counts of all shards as those of one run

Dask distributes, runs again what died with its worker, and carries the messages.
"""
