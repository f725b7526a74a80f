#include "service/forward-proxy/io_people.h"

#include "base/siphash.h"
#include "base/writer.h"
#include "control/people.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "os/unix.h"
#include "policy/identity.h"
#include "proxy/auth/io_auth.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD_HEAD "vpn:"

enum {
	RECENT = 64,
	/* A browser sends several requests with what it was just told: they are one try. */
	RIGHT_MS = 10000,
	WRONG_MS = 3000,
	UNTOLD_MS = 1000,
	WAIT_MS = 8000, /* for an answer: a queue of hashes may stand before it */
	REQUEST_MAX = 4096,
};

struct recent {
	uint64_t name, until_ms;
	enum auth_proof proof;
};

/* The thread's own, once it runs. */
struct forward_people {
	char path[256];
	struct hash_key key;
	struct recent recent[RECENT];
	uint64_t silent_until_ms; /* nobody is asked before: nobody answers */
};

/* --- records --- */

bool forward_people_name(struct span typed, char ret[FORWARD_PEOPLE_NAME_MAX + 1])
{
	struct span name = span_trim(typed);
	if (name.len == 0 || !span_to_cstr(name, ret, FORWARD_PEOPLE_NAME_MAX + 1))
		return false;
	for (char *c = ret; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	return true;
}

void forward_people_record(const struct policy_tables *tables, const char *name,
			   const struct ip_address *client, bool coded, uint64_t now_s,
			   char ret[FORWARD_PEOPLE_RECORD_MAX])
{
	struct policy_device user = {0};
	const struct policy_device_key key = policy_device_of_user(name);
	char address[IP_ADDRESS_TEXT_MAX];
	if (tables && tables->peers.words)
		(void)policy_devices_find(&tables->peers, &key, now_s, &user);
	(void)ip_address_format(client, address);
	(void)snprintf(ret, FORWARD_PEOPLE_RECORD_MAX, RECORD_HEAD "%c:%016llx:%s",
		       coded ? 'c' : 'p', (unsigned long long)user.version, address);
}

bool forward_people_are(const char *record)
{
	return strncmp(record, RECORD_HEAD, sizeof(RECORD_HEAD) - 1) == 0;
}

/* --- in the thread --- */

static enum err write_all(int fd, struct span bytes)
{
	while (bytes.len) {
		size_t n = 0;
		TRY(tcp_write(fd, bytes, &n));
		bytes = span_sub(bytes, n, bytes.len);
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		if (n == 0 && poll(&wait, 1, WAIT_MS) <= 0)
			return (enum err)ETIMEDOUT;
	}
	return OK;
}

/* The status of the answer, whose head comes in one piece. */
static enum err read_status(int fd, unsigned *ret)
{
	static const char head[] = "HTTP/1.1 ";
	char text[512];
	size_t n = 0;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	if (poll(&wait, 1, WAIT_MS) <= 0)
		return (enum err)ETIMEDOUT;
	TRY(tcp_read(fd, text, sizeof(text), &n));
	uint64_t status = 0;
	if (n < sizeof(head) + 2 || memcmp(text, head, sizeof(head) - 1) != 0 ||
	    !span_to_u64(span_of(text + sizeof(head) - 1, 3), 999, &status))
		return ERR_FORMAT;
	*ret = (unsigned)status;
	return OK;
}

static enum err ask_at(int fd, const char *body, unsigned *ret)
{
	char request[REQUEST_MAX];
	struct writer w = writer_of(request, sizeof(request));
	write_format(&w,
		     "POST /verify HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		     strlen(body));
	write_text(&w, body);
	enum err e = w.bad ? ERR_LIMIT : write_all(fd, writer_span(&w));
	crypto_wipe(request, sizeof(request));
	return e ? e : read_status(fd, ret);
}

/* record: of forward_people_record. */
static char *body_of(struct span name, struct span password, const char *record)
{
	const char *address = record + sizeof(RECORD_HEAD) - 1 + 2 + 16 + 1;
	json_t *o = json_pack("{s:o,s:o,s:s,s:b}", "user",
			      json_stringn((const char *)name.data, name.len), "password",
			      json_stringn((const char *)password.data, password.len), "address",
			      address, "coded", record[sizeof(RECORD_HEAD) - 1] == 'c');
	char *body = o ? json_dumps(o, JSON_COMPACT) : NULL; /* NULL: it is no UTF-8 */
	json_decref(o);
	return body;
}

/* Whether so many were wrong that this one was not looked at is between the client and them. */
static enum auth_proof proof_of(unsigned status)
{
	switch (status) {
	case 200: return AUTH_PROOF_RIGHT;
	case 403:
	case 429: return AUTH_PROOF_WRONG;
	default: return AUTH_PROOF_UNTOLD;
	}
}

static enum err ask(const struct forward_people *p, struct span name, struct span password,
		    const char *record, enum auth_proof *ret)
{
	AUTO_DONE(fd_done) int fd = -1;
	unsigned status = 0;
	char *body = body_of(name, password, record);
	if (!body) {
		*ret = AUTH_PROOF_WRONG;
		return OK;
	}
	enum err e = unix_connect_now(p->path, &fd);
	if (!e)
		e = ask_at(fd, body, &status);
	crypto_wipe(body, strlen(body));
	free(body);
	if (!e)
		*ret = proof_of(status);
	return e;
}

static uint64_t name_of(const struct forward_people *p, struct span name, struct span password,
			const char *record)
{
	uint64_t parts[3] = {siphash13_of(p->key, name.data, name.len),
			     siphash13_of(p->key, password.data, password.len),
			     siphash13_of(p->key, record, strlen(record))};
	return siphash13_of(p->key, parts, sizeof(parts));
}

/* The call of auth_hasher_elsewhere. */
static enum auth_proof judge(void *arg, struct span name, struct span password, const char *record)
{
	static const uint64_t lasts_ms[] = {[AUTH_PROOF_WRONG] = WRONG_MS,
					    [AUTH_PROOF_RIGHT] = RIGHT_MS,
					    [AUTH_PROOF_UNTOLD] = UNTOLD_MS};
	struct forward_people *p = arg;
	uint64_t now_ms = clock_monotonic_ms(), key = name_of(p, name, password, record);
	struct recent *r = &p->recent[key % RECENT];
	if (r->name == key && r->until_ms > now_ms)
		return r->proof;
	if (p->silent_until_ms > now_ms)
		return AUTH_PROOF_UNTOLD;
	enum auth_proof proof = AUTH_PROOF_UNTOLD;
	enum err e = ask(p, name, password, record, &proof);
	uint64_t then_ms = clock_monotonic_ms();
	/* All hashes wait behind a question: those of other users have half of the time at least,
	 * whoever asks for what nobody answers. */
	if (e)
		p->silent_until_ms = then_ms + (then_ms - now_ms);
	*r = (struct recent){key, then_ms + lasts_ms[proof], proof};
	return proof;
}

enum err forward_people_new(const char *run, struct auth_hasher *h, struct forward_people **ret)
{
	struct forward_people *p = calloc(1, sizeof(*p));
	if (!p)
		return ENOMEM;
	(void)snprintf(p->path, sizeof(p->path), "%s/" PEOPLE_SOCKET, run);
	enum err e = crypto_random(&p->key, sizeof(p->key));
	if (e) {
		free(p);
		return e;
	}
	auth_hasher_elsewhere(h, RECORD_HEAD, judge, p);
	*ret = p;
	return OK;
}

void forward_people_free(struct forward_people *p)
{
	if (!p)
		return;
	crypto_wipe(p, sizeof(*p));
	free(p);
}
