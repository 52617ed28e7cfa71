#ifndef NIGHTJAR_CLIBPQ_H
#define NIGHTJAR_CLIBPQ_H

#include <libpq-fe.h>
#include <poll.h>

#endif
