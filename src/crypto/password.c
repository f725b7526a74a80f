#include "crypto/password.h"

#include "base/writer.h"
#include "crypto/secret.h"

#include <assert.h>
#include <sodium.h>

static_assert(PASSWORD_RECORD_MAX >= crypto_pwhash_argon2id_STRBYTES, "a record with its NUL");
static_assert(crypto_pwhash_argon2id_OPSLIMIT_MIN == 1, "struct password_cost says 1");
static_assert(crypto_pwhash_argon2id_MEMLIMIT_MIN == 8192, "struct password_cost says 8 KiB");

static const uint64_t memory_bytes_max = UINT64_C(4) << 30;
enum { PASSES_MAX = 100 };

static bool cost_is_allowed(const struct password_cost *cost)
{
	return cost->passes >= 1 && cost->passes <= PASSES_MAX &&
	       cost->memory_bytes >= crypto_pwhash_argon2id_MEMLIMIT_MIN &&
	       cost->memory_bytes <= memory_bytes_max;
}

enum err password_make(struct span password, const struct password_cost *cost,
		       char ret[PASSWORD_RECORD_MAX])
{
	char record[crypto_pwhash_argon2id_STRBYTES] = {0};
	if (password.len > PASSWORD_LEN_MAX || !cost_is_allowed(cost))
		return ERR_LIMIT;
	if (sodium_init() < 0)
		return (enum err)EIO;
	/* It fails only for want of memory: the bounds were checked. */
	if (crypto_pwhash_argon2id_str(record, (const char *)password.data, password.len,
				       cost->passes, (size_t)cost->memory_bytes) != 0)
		return (enum err)ENOMEM;
	memset(ret, 0, PASSWORD_RECORD_MAX);
	memcpy(ret, record, strlen(record));
	return OK;
}

enum err password_check(struct span password, const char *record)
{
	if (password.len > PASSWORD_LEN_MAX || strlen(record) >= PASSWORD_RECORD_MAX)
		return ERR_REFUSED;
	if (sodium_init() < 0)
		return (enum err)EIO;
	errno = 0;
	if (crypto_pwhash_argon2id_str_verify(record, (const char *)password.data, password.len) ==
	    0)
		return OK;
	return errno == ENOMEM ? (enum err)ENOMEM : ERR_REFUSED;
}

/* Base64 without padding, as records have it. */
static void random_write(struct writer *w, size_t len)
{
	uint8_t bytes[32];
	char text[64];
	randombytes_buf(bytes, len);
	(void)sodium_bin2base64(text, sizeof(text), bytes, len,
				sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	write_text(w, text);
}

enum err password_decoy(const struct password_cost *cost, char ret[PASSWORD_RECORD_MAX])
{
	char record[PASSWORD_RECORD_MAX] = {0};
	struct writer w = writer_of(record, sizeof(record) - 1);
	if (!cost_is_allowed(cost))
		return ERR_LIMIT;
	if (sodium_init() < 0)
		return (enum err)EIO;
	write_format(&w, "$argon2id$v=19$m=%u,t=%u,p=1$", (unsigned)(cost->memory_bytes / 1024),
		     cost->passes);
	random_write(&w, crypto_pwhash_argon2id_SALTBYTES);
	write_text(&w, "$");
	random_write(&w, 32);
	memcpy(ret, record, sizeof(record));
	return OK;
}

bool password_is_stale(const char *record, const struct password_cost *cost)
{
	return strlen(record) >= PASSWORD_RECORD_MAX ||
	       crypto_pwhash_argon2id_str_needs_rehash(record, cost->passes,
						       (size_t)cost->memory_bytes) != 0;
}
