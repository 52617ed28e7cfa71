#ifndef NIGHTJAR_CASSETS_H
#define NIGHTJAR_CASSETS_H

/// A text file embedded at compile time. `text` ends with a NUL that `size` does not count.
struct nightjar_asset {
    const char *name;
    const char *text;
    long size;
};

/// The files of migrations/, in order of their numbers.
int nightjar_migration_count(void);
struct nightjar_asset nightjar_migration(int index);

/// The engine's statements.
int nightjar_statement_count(void);
struct nightjar_asset nightjar_statement(int index);

/// The OpenAPI document of the HTTP server.
struct nightjar_asset nightjar_openapi(void);

#endif
