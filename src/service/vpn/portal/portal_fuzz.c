/* Requests through the whole page to the decisions and back. Requests stand one after the other
 * with a zero byte between them; bytes 1 to 5 stand for what only a browser of this run can know:
 * the form's token, the code of now, the form's cookie, the session's, the enrolment's token. */
#include "service/vpn/portal/portal.h"
#include "service/vpn/portal/portal_inner.h"

#include <stdlib.h>

enum { REQUESTS_MAX = 8, TEXT_MAX = 32 << 10, QUEUE = 32 };

#define NOW_MS UINT64_C(1800000000000)

struct world {
	struct signin *signin;
	struct portal *portal;
	struct {
		uint64_t token;
		bool fits, makes;
	} hashes[QUEUE];
	uint64_t stores[QUEUE];
	size_t hashes_n, stores_n;
	bool fitted, opened; /* a password was right; the peer is open */
	uint8_t random, secret[TOTP_SECRET_LEN];
	uint64_t now_ms;
	char form[2 * PORTAL_NONCE_LEN + 1], session[SESSION_COOKIE_LEN + 1],
		enrolment[SESSION_COOKIE_LEN + 1];
	char answer[PORTAL_ANSWER_MAX + 1];
	bool answered;
};

static const uint8_t peer_key[SESSION_PEER_LEN] = {7};

static enum err on_hash(void *arg, const struct signin_hash *h)
{
	struct world *w = arg;
	if (w->hashes_n == QUEUE)
		return ERR_LIMIT;
	w->hashes[w->hashes_n].token = h->token;
	w->hashes[w->hashes_n].makes = !h->record;
	w->hashes[w->hashes_n++].fits =
		h->record && strcmp(h->record, "record") == 0 && span_is(h->password, "password");
	return OK;
}

static enum err on_store(void *arg, const struct signin_store *s)
{
	struct world *w = arg;
	if (w->stores_n == QUEUE)
		return ERR_LIMIT;
	w->stores[w->stores_n++] = s->token;
	return OK;
}

static void on_gate(void *arg, const struct signin_gating *g)
{
	struct world *w = arg;
	w->opened = g->gate == SIGNIN_OPEN;
	ASSERT(!w->opened || w->fitted); /* nothing opens without a right password */
}

static void on_event(void *arg, const struct signin_event *e)
{
	(void)arg, (void)e;
}

static bool on_peer(void *arg, const uint8_t *peer, struct signin_peer *ret)
{
	static const char *const users[] = {"alice", "bob"};
	(void)arg;
	if (memcmp(peer, peer_key, sizeof(peer_key)) != 0)
		return false;
	*ret = (struct signin_peer){.name = "phone",
				    .must_sign_in = true,
				    .users = users,
				    .users_n = 2,
				    .session_ms = 3600000,
				    .roaming = SESSION_BROWSER_PROOF};
	return true;
}

static uint64_t on_active(void *arg, const uint8_t *peer)
{
	(void)arg, (void)peer;
	return 0;
}

static enum err on_random(void *arg, void *buf, size_t len)
{
	struct world *w = arg;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = ++w->random;
	return OK;
}

static bool peer_name(void *arg, const uint8_t *peer, char ret[PORTAL_PEER_NAME_MAX])
{
	(void)arg, (void)peer;
	return span_to_cstr(span_text("<phone>"), ret, PORTAL_PEER_NAME_MAX);
}

static void run(struct world *w)
{
	while (w->hashes_n || w->stores_n) {
		if (w->hashes_n) {
			w->hashes_n--;
			bool fits = w->hashes[w->hashes_n].fits;
			w->fitted |= fits;
			signin_hashed(w->signin, w->now_ms, w->hashes[w->hashes_n].token, fits,
				      w->hashes[w->hashes_n].makes ? "record" : NULL);
		}
		if (w->stores_n) {
			w->stores_n--;
			signin_stored(w->signin, w->now_ms, w->stores[w->stores_n], SIGNIN_STORED,
				      1, (struct span){0});
		}
	}
}

/* alice has a factor, and is an administrator; bob has none yet. */
static void learn_users(struct world *w)
{
	uint8_t row[USER_ROW_MAX];
	struct user u = {.name = "alice",
			 .administrator = true,
			 .password = "record",
			 .factor = USER_FACTOR_ACTIVE,
			 .secret = {1, 2, 3}};
	for (unsigned i = 0; i < 2; i++) {
		struct writer to = writer_of(row, sizeof(row));
		user_row_write(&u, &to);
		ASSERT(signin_learn(w->signin, w->now_ms, SIGNIN_TABLE_USERS, span_text(u.name),
				    writer_span(&to), 1) == OK);
		if (i == 0)
			memcpy(w->secret, u.secret, sizeof(w->secret));
		u = (struct user){.name = "bob", .password = "record"};
	}
	signin_peer_changed(w->signin, w->now_ms, peer_key);
}

static void world_open(struct world *w)
{
	const struct signin_config sign = {.users_max = 4,
					   .sessions_max = 2,
					   .attempts_max = 16,
					   .attempts = {3, 10, 20, 1000, 900000},
					   .issuer = "Home",
					   .decoy = "decoy"};
	const struct signin_effects effects = {w,	 on_hash, on_store,  on_gate,
					       on_event, on_peer, on_active, on_random};
	const struct portal_config config = {
		.name = "a.b", .port = 443, .arg = w, .peer_name = peer_name, .random = on_random};
	struct portal_config with = config;
	w->now_ms = NOW_MS;
	ASSERT(signin_new(&sign, &effects, (struct hash_key){1, 2}, &w->signin) == OK);
	with.signin = w->signin;
	ASSERT(portal_new(&with, &w->portal) == OK);
	learn_users(w);
}

/* What a browser would keep of the answer. */
static void keep(const char *answer, const char *before, char *ret, size_t size)
{
	const char *at = strstr(answer, before);
	size_t len = 0;
	if (!at)
		return;
	at += strlen(before);
	while (at[len] && at[len] != ';' && at[len] != '"')
		len++;
	(void)span_to_cstr(span_of(at, len), ret, size);
}

static void answered(void *arg)
{
	struct world *w = arg;
	ASSERT(!w->answered);
	w->answered = true;
}

static void write_known(struct world *w, struct writer *to, uint8_t which)
{
	char token[PORTAL_TOKEN_TEXT], code[TOTP_DIGITS + 1];
	struct portal_visit v = {.portal = w->portal};
	switch (which) {
	case 1:
		for (size_t i = 0; i < PORTAL_NONCE_LEN && w->form[0]; i++) {
			char two[3] = {w->form[2 * i], w->form[2 * i + 1], 0};
			v.nonce[i] = (uint8_t)strtoul(two, NULL, 16);
		}
		memcpy(v.visitor.peer, peer_key, sizeof(peer_key));
		memcpy(v.session, w->session, sizeof(v.session));
		portal_token(&v, token);
		write_text(to, token);
		break;
	case 2:
		ASSERT(totp_code(w->secret, totp_step(w->now_ms / 1000), code) == OK);
		write_text(to, code);
		break;
	case 3: write_text(to, w->form); break;
	case 4: write_text(to, w->session); break;
	default: write_text(to, w->enrolment); break;
	}
}

static void ask(struct world *w, struct span raw)
{
	static char text[TEXT_MAX];
	struct writer to = writer_of(text, sizeof(text));
	struct http_request request;
	struct http_response response;
	for (size_t i = 0; i < raw.len; i++)
		if (raw.data[i] >= 1 && raw.data[i] <= 5)
			write_known(w, &to, raw.data[i]);
		else
			write_u8(&to, raw.data[i]);
	struct span in = writer_span(&to);
	if (http_request_read(in, &request) != PARSE_DONE)
		return;
	struct writer out = writer_of(w->answer, PORTAL_ANSWER_MAX);
	portal_redirect(w->portal, &request, &out);
	ASSERT(!out.bad);
	out = writer_of(w->answer, PORTAL_ANSWER_MAX);
	struct portal_visit v = {.now_ms = w->now_ms, .out = &out, .answered = answered, .arg = w};
	v.visitor.must_sign_in = true;
	memcpy(v.visitor.peer, peer_key, sizeof(peer_key));
	v.visitor.endpoint = (struct ip_endpoint){ip_address_v4(192, 0, 2, 1), 1, 0};
	w->answered = false;
	portal_serve(w->portal, &v, &request, span_sub(in, request.head.len, in.len));
	run(w);
	ASSERT(w->answered && !out.bad);
	w->answer[out.pos] = 0;
	struct span method = v.head_only ? span_text("HEAD") : span_text("GET");
	ASSERT(http_response_read(writer_span(&out), method, &response) == PARSE_DONE);
	ASSERT(!strstr(w->answer, "<script") && !strstr(w->answer, "<phone>"));
	keep(w->answer, "Set-Cookie: " ANSWER_COOKIE_FORM "=", w->form, sizeof(w->form));
	keep(w->answer, "Set-Cookie: " ANSWER_COOKIE_SESSION "=", w->session, sizeof(w->session));
	keep(w->answer, "name=\"enrolment\" value=\"", w->enrolment, sizeof(w->enrolment));
	w->now_ms += 30000;
	signin_turn(w->signin, w->now_ms);
	run(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));
	struct span rest = span_of(data, size);
	ASSERT(w);
	world_open(w);
	for (unsigned i = 0; i < REQUESTS_MAX && rest.len; i++) {
		size_t end = span_find(rest, 0);
		ask(w, span_sub(rest, 0, end));
		rest = span_sub(rest, end + 1, rest.len);
	}
	portal_free(w->portal);
	signin_free(w->signin);
	free(w);
	return 0;
}
