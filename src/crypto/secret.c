#include "crypto/secret.h"

#include <sodium.h>

bool crypto_equal(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	return a.len == 0 || sodium_memcmp(a.data, b.data, a.len) == 0;
}

void crypto_wipe(void *buf, size_t len)
{
	if (len)
		sodium_memzero(buf, len);
}

enum err secret_set(struct secret *s, struct span value)
{
	if (value.len > SECRET_LEN_MAX)
		return ERR_LIMIT;
	struct secret made = {.len = (uint16_t)value.len};
	if (value.len)
		memcpy(made.bytes, value.data, value.len); /* value may be a part of s */
	*s = made;
	crypto_wipe(&made, sizeof(made));
	return OK;
}

void secret_done(struct secret *s)
{
	if (s)
		crypto_wipe(s, sizeof(*s));
}
