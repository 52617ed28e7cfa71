#ifndef NIGHTJAR_CLIBPQ_H
#define NIGHTJAR_CLIBPQ_H

#include <libpq-fe.h>
#include <poll.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

#endif
