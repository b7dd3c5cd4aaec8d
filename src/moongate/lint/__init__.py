"""Wrong model ids, hosts, keys and parameters in people's code and configuration, found before production finds them.

`walk` names the files, `sift` drops those that cannot matter, `read` turns one of any language into the same tree of
names, texts and calls, `follow` and `decide` bind what stands there to the endpoint that it is meant for, `rules` say
what is wrong, `fix` writes and `report` tells. The room reads no settings and fetches nothing: it is handed what it
knows as `Knowledge`.
"""
