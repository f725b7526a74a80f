#include "proxy/auth/basic_auth.h"

#include "base/writer.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "proto/http/basic.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { WAYS = 8, SECRET_LEN = 32, KNOWN_MAX = 2048 };

struct credential_slot {
	_Atomic uint64_t name[2];
	_Atomic uint64_t until_ms;
};

struct auth_known {
	uint64_t credentials_ms;
	uint8_t secret[SECRET_LEN]; /* for the names of credentials */
	/* Sets of WAYS slots; their number is a power of two. */
	struct credential_slot *credentials;
	size_t sets;
};

enum err auth_known_new(size_t credentials_max, uint64_t credentials_ms, struct auth_known **ret)
{
	AUTO(auth_known_free) struct auth_known *k = calloc(1, sizeof(*k));
	if (!k)
		return (enum err)ENOMEM;
	k->credentials_ms = credentials_ms;
	k->sets = 1;
	while (k->sets * WAYS < credentials_max && k->sets < (size_t)1 << 24)
		k->sets *= 2;
	TRY(crypto_random(k->secret, sizeof(k->secret)));
	k->credentials = calloc(k->sets * WAYS, sizeof(*k->credentials));
	if (!k->credentials)
		return (enum err)ENOMEM;
	*ret = TAKE(k);
	return OK;
}

void auth_known_free(struct auth_known *k)
{
	if (!k)
		return;
	free(k->credentials);
	crypto_wipe(k, sizeof(*k));
	free(k);
}

static struct credential_slot *set_of(struct auth_known *k, struct span text, uint64_t name[2])
{
	uint8_t digest[CRYPTO_SHA256_LEN];
	struct crypto_hash h;
	crypto_hash_init(&h, CRYPTO_SHA256);
	crypto_hash_add(&h, span_of(k->secret, sizeof(k->secret)));
	crypto_hash_add(&h, text);
	crypto_hash_end(&h, digest);
	memcpy(name, digest, 16);
	name[0] |= 1;
	return &k->credentials[((name[1] >> 8) & (k->sets - 1)) * WAYS];
}

static bool is_named(struct credential_slot *slot, const uint64_t name[2])
{
	return atomic_load(&slot->name[0]) == name[0] && atomic_load(&slot->name[1]) == name[1];
}

static bool is_known(struct auth_known *k, struct span text, uint64_t now_ms)
{
	uint64_t name[2];
	struct credential_slot *set = set_of(k, text, name);
	for (size_t i = 0; i < WAYS; i++)
		if (is_named(&set[i], name))
			return atomic_load(&set[i].until_ms) > now_ms;
	return false;
}

static void know(struct auth_known *k, struct span text, uint64_t now_ms)
{
	uint64_t name[2];
	struct credential_slot *set = set_of(k, text, name);
	struct credential_slot *to = &set[0];
	for (size_t i = 0; i < WAYS; i++) {
		if (is_named(&set[i], name)) {
			to = &set[i];
			break;
		}
		if (atomic_load(&set[i].until_ms) < atomic_load(&to->until_ms))
			to = &set[i];
	}
	/* A reader in between finds a name of two halves, which is nobody's. */
	atomic_store(&to->name[0], 0);
	atomic_store(&to->name[1], name[1]);
	atomic_store(&to->until_ms, now_ms + k->credentials_ms);
	atomic_store(&to->name[0], name[0]);
}

/* What is known as right: the record too, so that a new password ends the old one. */
static struct span known_text(const struct auth_user *user, struct span credentials,
			      struct writer *w)
{
	write_text(w, user->record);
	write_u8(w, 0);
	write_span(w, credentials);
	return writer_span(w);
}

static const struct auth_user *user_find(const struct auth_users *users, struct span name)
{
	for (size_t i = 0; i < users->n; i++)
		if (span_is(name, users->items[i].name))
			return &users->items[i];
	return NULL;
}

enum auth_answer auth_judge_as(const struct auth_user *user, struct auth_known *known,
			       struct span credentials, uint64_t now_ms, struct auth_claim *ret)
{
	uint8_t room[KNOWN_MAX];
	*ret = (struct auth_claim){user, credentials};
	struct writer w = writer_of(room, sizeof(room));
	struct span text = known_text(user, credentials, &w);
	bool right = !w.bad && is_known(known, text, now_ms);
	crypto_wipe(room, sizeof(room));
	return right ? AUTH_RIGHT : AUTH_HASH;
}

enum auth_answer auth_judge(const struct auth_users *users, struct auth_known *known,
			    struct span value, uint64_t now_ms, struct auth_claim *ret)
{
	struct span base64, name, password;
	uint8_t plain[BASIC_MAX];
	*ret = (struct auth_claim){0};
	if (basic_read(value, &base64) != OK)
		return AUTH_NONE;
	enum err e = basic_decode(base64, plain, &name, &password);
	ret->user = e ? NULL : user_find(users, name);
	ret->credentials = base64;
	crypto_wipe(plain, sizeof(plain));
	if (e)
		return AUTH_NONE;
	if (!ret->user)
		return AUTH_HASH;
	return auth_judge_as(ret->user, known, base64, now_ms, ret);
}

void auth_found_right(struct auth_known *known, const struct auth_user *user,
		      struct span credentials, uint64_t now_ms)
{
	uint8_t room[KNOWN_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct span text = known_text(user, credentials, &w);
	if (!w.bad)
		know(known, text, now_ms);
	crypto_wipe(room, sizeof(room));
}
