// One import is all that a user of functions, workers and clients needs.
@_exported public import NightjarCore
@_exported public import PostgresClient
