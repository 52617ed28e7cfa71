#include "CAssets.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(table[0])))

static const struct nightjar_asset migrations[] = {
};
static const struct nightjar_asset statements[] = {
};

int nightjar_migration_count(void) { return COUNT(migrations); }
struct nightjar_asset nightjar_migration(int index) { return migrations[index]; }
int nightjar_statement_count(void) { return COUNT(statements); }
struct nightjar_asset nightjar_statement(int index) { return statements[index]; }
