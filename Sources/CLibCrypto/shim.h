#ifndef NIGHTJAR_CLIBCRYPTO_H
#define NIGHTJAR_CLIBCRYPTO_H

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#endif
