"""Files and batches of the gateway's accounts: what one of them made, only that one sees.

Everything lies in `tenants/` below the data folder (0700): `tenants.sqlite3` says what there is, `content/` holds
what files say, one file each (0600), `jobs/BATCH/` is the folder of a batch that is worked on, as `moongate.batch`
has it. `routes` answers, `archive` keeps, `work` carries batches out, line by line, through the gateway's own chats.
"""
