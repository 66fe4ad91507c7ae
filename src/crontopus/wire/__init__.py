"""The REST contract: the Structs that server, command line, console and tests share. Spec: the OpenAPI document.

Instants are RFC 3339 in UTC with milliseconds. Durations are numbers of seconds; input also takes what a person
writes, `1h30m`.
"""
