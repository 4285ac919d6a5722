"""How clusters in one cloud are reached from another one: a gateway where they run, a link where they are
used, and mutual TLS between the two with an authority of the application's own."""
