"""Shards of one run on a Dask cluster: the only room that knows Dask (extra `dask`).

    run               the composition root, in the process that the user started: token, dates, one
                      display; takes the results of the shards
    scheduler         runs as many shards at a time as the cluster has workers; keeps the
                      token and the share of the rate of each up to date
    shard_task        one shard, in a worker of the cluster
    site              what a worker must find where it runs
    messages          what the two send each other: orders to the shards, statuses back
    channel           how the process that the user started submits shards, sends them orders and
                      receives their statuses
    shard_channel     how a shard receives those orders and sends its status; when it stops because
                      it is not heard any more
    token_feed        how a shard gets its tokens from those orders
    cluster           the Dask cluster: a local one, or the address of one
    workers           monitors that the cluster has workers
    shared_directory  the run directory, as the process that distributes shards reads and locks it
    division          pure: the number of shards, the share of the rate of each, missing workers
    aggregate         the counts and the rate of all shards as those of one run

Dask distributes shards, runs those again that died with their worker, and carries the messages.
"""
