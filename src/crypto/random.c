#include "crypto/random.h"

#include "crypto/secret.h"

#include <sodium.h>

enum err crypto_random(void *buf, size_t len)
{
	/* libsodium's asks the kernel each time: no state that a fork would share, nothing to seed,
	 * and half the time of OpenSSL's generator for a few bytes. sodium_init works once in a
	 * process, whoever calls. */
	if (sodium_init() < 0) {
		crypto_wipe(buf, len);
		return (enum err)EIO;
	}
	randombytes_buf(buf, len);
	return OK;
}
