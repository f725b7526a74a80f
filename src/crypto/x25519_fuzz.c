/* Any scalars and points at once are what they are one by one by the library: each 64 octets are a
 * task, of one octet less a public key. */
#include "base/reader.h"
#include "crypto/x25519.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TASKS_MAX = 19, LEN = CRYPTO_X25519_LEN };

static void ask(bool fact)
{
	if (!fact)
		abort();
}

static void check(const struct crypto_x25519_task *t)
{
	uint8_t want[LEN] = {0};
	enum err err = OK;
	if (t->public)
		err = crypto_x25519(t->private, t->public, want);
	else
		crypto_x25519_public(t->private, want);
	ask(t->err == err && memcmp(t->ret, want, LEN) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	struct crypto_x25519_task tasks[TASKS_MAX];
	uint8_t got[TASKS_MAX][LEN] = {0};
	size_t n = 0;
	while (n < TASKS_MAX && reader_left(&r) >= 2 * LEN - 1) {
		struct crypto_x25519_task *t = &tasks[n];
		*t = (struct crypto_x25519_task){.private = read_span(&r, LEN).data, .ret = got[n]};
		if (reader_left(&r) >= LEN)
			t->public = read_span(&r, LEN).data;
		else
			reader_skip_all(&r);
		n++;
	}
	crypto_x25519_many(tasks, n);
	for (size_t i = 0; i < n; i++)
		check(&tasks[i]);
	return 0;
}
