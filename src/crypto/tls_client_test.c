#include "crypto/tls_pair_test.h"
#include "crypto/tls_pki_test.h"
#include "crypto/tls_tickets.h"

#include "crypto/hash.h"
#include "crypto/tls_chain.h"

/* Both sides are ours here; tls_test.c has the library's own client beside our server. */
static struct pki_entity root, other_root, ecdsa, rsa, elsewhere, anna, stranger, address;
static struct tls_pair pair;

static int make(void **state)
{
	(void)state;
	pki_make(&root, (struct pki_wish){.called = "root", .is_authority = true});
	pki_make(&other_root, (struct pki_wish){.called = "other", .is_authority = true});
	pki_make(&ecdsa,
		 (struct pki_wish){.called = "e", .names = "DNS:a.example", .issuer = &root});
	pki_make(&rsa, (struct pki_wish){.called = "r",
					 .names = "DNS:a.example,DNS:*.b.example",
					 .issuer = &root,
					 .key = "RSA"});
	pki_make(&elsewhere,
		 (struct pki_wish){
			 .called = "x", .names = "DNS:x.example", .issuer = &root, .key = "P-384"});
	pki_make(&anna, (struct pki_wish){.called = "anna", .issuer = &root});
	pki_make(&stranger, (struct pki_wish){.called = "stranger", .issuer = &other_root});
	pki_make(&address, (struct pki_wish){.called = "ip",
					     .names = "IP:192.0.2.1,IP:2001:db8::1",
					     .issuer = &root});
	return 0;
}

static int drop(void **state)
{
	(void)state;
	struct pki_entity *const all[] = {&root,      &other_root, &ecdsa,    &rsa,
					  &elsewhere, &anna,	   &stranger, &address};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		pki_done(all[i]);
	return 0;
}

static struct tls_server *server_of(const struct tls_options *o)
{
	struct tls_server *s = NULL;
	const struct pki_entity *const all[] = {&ecdsa, &rsa, &elsewhere};
	assert_int_equal(tls_server_new(o, &s), OK);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(
			tls_server_add(s, span_text(all[i]->chain_pem), span_text(all[i]->key_pem)),
			OK);
	return s;
}

static struct tls_client_options trusting(const struct pki_entity *authority)
{
	return (struct tls_client_options){.authorities_pem = span_text(authority->chain_pem)};
}

static struct tls_peer *peer_of(const struct tls_client_options *o, const char *name)
{
	AUTO(tls_client_unref) struct tls_client *c = NULL;
	struct tls_peer *p = NULL;
	assert_int_equal(tls_client_new(o, &c), OK);
	assert_int_equal(tls_peer_new(c, name, &p), OK);
	return p;
}

/* Dials once and gives all back; the pair stays. */
static void meet(const struct tls_options *so, const struct tls_client_options *co,
		 const char *name)
{
	struct tls_server *s = server_of(so);
	struct tls_peer *p = peer_of(co, name);
	pair_dial(&pair, s, p);
	tls_server_unref(s);
	tls_peer_unref(p);
	pair_shake(&pair);
}

static void refuses_servers_that_cannot_prove_themselves(void **state)
{
	(void)state;
	struct tls_options so = {0};
	struct tls_client_options co = trusting(&root);
	meet(&so, &co, "c.example"); /* another name: it is shown the first certificate */
	assert_int_equal(pair.client_err, ERR_REFUSED);
	assert_string_equal(tls_fault(pair.client), "hostname mismatch");
	meet(&so, &co, "192.0.2.1");
	assert_int_equal(pair.client_err, ERR_REFUSED);
	co = trusting(&other_root);
	meet(&so, &co, "a.example");
	assert_int_equal(pair.client_err, ERR_REFUSED);
	assert_int_equal(pair.server_err, ERR_REFUSED); /* by the client's alert */
	assert_false(tls_is_open(pair.server) || tls_is_open(pair.client));
}

static void refuses_to_be_told_nothing_or_two_things(void **state)
{
	(void)state;
	struct tls_client *c = NULL;
	struct tls_peer *p = NULL;
	struct tls_client_options co = {0};
	assert_int_equal(tls_client_new(&co, &c), ERR_REFUSED);
	co = trusting(&root);
	co.has_pin = true;
	assert_int_equal(tls_client_new(&co, &c), ERR_REFUSED);
	co = (struct tls_client_options){.authorities_pem = span_text("no PEM")};
	assert_int_equal(tls_client_new(&co, &c), ERR_FORMAT);
	co = trusting(&root);
	assert_int_equal(tls_client_new(&co, &c), OK);
	assert_int_equal(tls_peer_new(c, NULL, &p), ERR_REFUSED);
	tls_client_unref(c);
}

static void checks_names_addresses_and_pins(void **state)
{
	(void)state;
	struct tls_options so = {0};
	struct tls_client_options co = trusting(&root);
	static const char *const good[] = {"a.example", "X.example", "q.b.example"};
	for (size_t i = 0; i < 3; i++) {
		meet(&so, &co, good[i]);
		assert_true(tls_is_open(pair.server) && tls_is_open(pair.client));
	}
	AUTO(tls_server_unref) struct tls_server *s = NULL;
	assert_int_equal(tls_server_new(&so, &s), OK);
	assert_int_equal(
		tls_server_add(s, span_text(address.chain_pem), span_text(address.key_pem)), OK);
	static const char *const addresses[] = {"192.0.2.1", "2001:db8::1", "192.0.2.2"};
	for (size_t i = 0; i < 3; i++) {
		AUTO(tls_peer_unref) struct tls_peer *p = peer_of(&co, addresses[i]);
		pair_dial(&pair, s, p);
		pair_shake(&pair);
		assert_int_equal(tls_is_open(pair.client), i < 2);
		assert_null(tls_server_name(pair.server)); /* RFC 6066 3: no addresses in SNI */
	}
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ecdsa.certificate), &der);
	co = (struct tls_client_options){.has_pin = true};
	crypto_sha256(span_of(der, (size_t)len), co.pin);
	OPENSSL_free(der);
	meet(&so, &co, NULL);
	assert_true(tls_is_open(pair.client));
	co.pin[0] ^= 1;
	meet(&so, &co, NULL);
	assert_int_equal(pair.client_err, ERR_REFUSED);
}

static void names_that_nobody_has_are_refused_where_that_is_wished(void **state)
{
	(void)state;
	struct tls_options so = {.refuse_unknown = true};
	struct tls_client_options co = {.unchecked = true};
	static const char *const none[] = {"c.example", NULL};
	for (size_t i = 0; i < 2; i++) {
		meet(&so, &co, none[i]);
		assert_int_equal(pair.server_err, ERR_FORMAT);
		assert_false(tls_is_open(pair.client));
	}
	meet(&so, &co, "a.example");
	assert_true(tls_is_open(pair.server));
	assert_string_equal(tls_server_name(pair.server), "a.example");
	AUTO(tls_server_unref) struct tls_server *s = server_of(&so);
	assert_null(tls_server_chain(s, "c.example", TLS_KEY_ECDSA));
	assert_non_null(tls_server_chain(s, "A.example", TLS_KEY_RSA));
	assert_null(tls_server_chain(s, "x.example", TLS_KEY_RSA));
}

static void bytes_pass_a_wire_that_takes_few_at_a_time(void **state)
{
	(void)state;
	static uint8_t sent[100000], got[100000];
	struct tls_options so = {.alpn = {"h2"}, .alpn_n = 1};
	struct tls_client_options co = trusting(&root);
	co.alpn[0] = "h2";
	co.alpn_n = 1;
	AUTO(tls_server_unref) struct tls_server *s = server_of(&so);
	AUTO(tls_peer_unref) struct tls_peer *p = peer_of(&co, "a.example");
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * i >> 3);
	static const size_t chunks[][2] = {{1, 3}, {700, 1000}, {5000, PIPE_MAX}};
	for (size_t k = 0; k < 3; k++) {
		size_t out = 0, in = 0, n = 0;
		pair_dial(&pair, s, p);
		pair.up.chunk = pair.down.chunk = chunks[k][0];
		pair.up.max = pair.down.max = chunks[k][1];
		pair_shake(&pair);
		assert_true(tls_is_open(pair.server) && tls_is_open(pair.client));
		assert_true(span_is(tls_protocol(pair.client), "h2"));
		tls_record_limit(pair.server, 1000);
		for (size_t i = 0; i < 1000000 && in < sizeof(got); i++) {
			struct span rest = span_sub(span_of(sent, sizeof(sent)), out, 40000);
			if (out < sizeof(sent)) {
				assert_int_equal(tls_write_some(pair.server, rest, &n), OK);
				assert_int_equal(tls_wants_room(pair.server), n < rest.len);
				out += n;
			}
			assert_int_equal(tls_read(pair.client, got + in, sizeof(got) - in, &n), OK);
			in += n;
		}
		assert_int_equal(in, sizeof(sent));
		assert_memory_equal(sent, got, sizeof(sent));
		tls_finish(pair.server);
		for (size_t i = 0; i < 200 && n != SIZE_MAX; i++)
			if (tls_read(pair.client, got, 1, &n) == ERR_CLOSED)
				n = SIZE_MAX;
		assert_true(n == SIZE_MAX || pair.down.max < 100);
	}
}

static void an_end_without_a_word_is_told(void **state)
{
	(void)state;
	char byte;
	size_t n;
	struct tls_options so = {0};
	struct tls_client_options co = trusting(&root);
	meet(&so, &co, "a.example");
	pair.up.ended = true;
	assert_int_equal(tls_read(pair.server, &byte, 1, &n), ERR_CLOSED);
	assert_string_equal(tls_fault(pair.server), "the wire ended");
	assert_int_equal(tls_write_some(pair.server, span_text("x"), &n), ERR_REFUSED);
}

static struct tls_client_options showing(const struct pki_entity *e)
{
	struct tls_client_options co = trusting(&root);
	assert_int_equal(tls_chain_new(span_text(e->chain_pem), span_text(e->key_pem), &co.chain),
			 OK);
	return co;
}

static void clients_prove_themselves_where_asked(void **state)
{
	(void)state;
	struct tls_server *none = NULL;
	struct tls_options so = {.verify = TLS_VERIFY_REQUIRED};
	assert_int_equal(tls_server_new(&so, &none), ERR_FORMAT);
	so.authorities_pem = span_text(root.chain_pem);
	struct tls_client_options as_anna = showing(&anna), as_stranger = showing(&stranger),
				  as_nobody = trusting(&root);
	struct tls_facts f;
	meet(&so, &as_nobody, "a.example");
	assert_int_equal(pair.server_err, ERR_REFUSED);
	meet(&so, &as_stranger, "a.example");
	assert_int_equal(pair.server_err, ERR_REFUSED);
	meet(&so, &as_anna, "a.example");
	assert_true(tls_is_open(pair.server));
	tls_facts(pair.server, &f);
	assert_true(f.peer.present);
	assert_string_equal(f.peer.subject, "CN=anna");
	assert_string_equal(f.peer.issuer, "CN=root");
	assert_string_equal(f.version, "TLSv1.3");
	assert_string_equal(f.cipher, "TLS_AES_128_GCM_SHA256");
	assert_string_equal(f.group, "X25519");
	so.verify = TLS_VERIFY_OPTIONAL;
	meet(&so, &as_nobody, "a.example");
	assert_true(tls_is_open(pair.server));
	tls_facts(pair.server, &f);
	assert_false(f.peer.present);
	meet(&so, &as_stranger, "a.example");
	assert_int_equal(pair.server_err, ERR_REFUSED);
	tls_chain_unref(as_anna.chain);
	tls_chain_unref(as_stranger.chain);
}

static struct tls_ticket_key key_of(uint8_t fill)
{
	struct tls_ticket_key k;
	memset(k.bytes, fill, sizeof(k.bytes));
	return k;
}

static bool resumes(struct tls_server *s, struct tls_peer *p)
{
	struct tls_facts f;
	pair_dial(&pair, s, p);
	pair_shake(&pair);
	assert_true(tls_is_open(pair.server) && tls_is_open(pair.client));
	tls_facts(pair.server, &f);
	tls_finish(pair.server);
	tls_finish(pair.client);
	return f.resumed;
}

static void sessions_are_resumed_by_any_server_that_has_the_key(void **state)
{
	(void)state;
	struct tls_tickets *t = NULL, *far = NULL;
	struct tls_tickets_counts n;
	struct tls_ticket_key keys[3] = {key_of(1), key_of(2), key_of(3)};
	assert_int_equal(tls_tickets_new(&t), OK);
	assert_int_equal(tls_tickets_new(&far), OK);
	struct tls_options so = {.tickets = t}, far_so = {.tickets = far};
	struct tls_client_options co = trusting(&root);
	AUTO(tls_server_unref) struct tls_server *s = server_of(&so), *s_far = server_of(&far_so);
	AUTO(tls_peer_unref) struct tls_peer *p = peer_of(&co, "a.example");
	assert_false(resumes(s, p)); /* no keys: no tickets */
	assert_false(resumes(s, p));
	tls_tickets_set(t, keys, 2, 0);
	assert_false(resumes(s, p));
	assert_true(resumes(s, p));
	assert_false(resumes(s_far, p)); /* it has no keys yet */
	tls_tickets_set(far, keys, 3, 1);
	assert_true(resumes(s_far, p)); /* another process with the same keys: renewed by key 2 */
	assert_true(resumes(s, p));
	tls_tickets_set(t, keys + 2, 1, 0);
	assert_false(resumes(s, p)); /* its key is gone; the handshake is a whole one */
	tls_tickets_counts(t, &n);
	assert_int_equal(n.unknown, 1);
	assert_int_equal(n.sealed, 4); /* each resumed session gets a new ticket */
	assert_int_equal(n.opened, 2);
	tls_tickets_unref(t);
	tls_tickets_unref(far);
}

static void tickets_of_one_door_open_no_stricter_one(void **state)
{
	(void)state;
	struct tls_tickets *t = NULL;
	struct tls_ticket_key key = key_of(1);
	assert_int_equal(tls_tickets_new(&t), OK);
	tls_tickets_set(t, &key, 1, 0);
	struct tls_options so = {.tickets = t},
			   strict = {.tickets = t,
				     .verify = TLS_VERIFY_OPTIONAL,
				     .authorities_pem = span_text(root.chain_pem)};
	struct tls_client_options co = trusting(&root);
	AUTO(tls_server_unref)
	struct tls_server *s = server_of(&so), *s_strict = server_of(&strict);
	AUTO(tls_peer_unref) struct tls_peer *p = peer_of(&co, "a.example");
	assert_false(resumes(s, p));
	assert_true(resumes(s, p));
	assert_false(resumes(s_strict, p));
	tls_tickets_unref(t);
}

static struct tls_chain *proof(void *arg, const char *name)
{
	return strcmp(name, "a.example") == 0 ? tls_chain_ref(arg) : NULL;
}

static void a_name_is_proved_to_acme_and_nothing_else_happens_there(void **state)
{
	(void)state;
	AUTO(tls_chain_unref) struct tls_chain *c = NULL;
	uint8_t digest[32] = {1};
	assert_int_equal(tls_chain_acme("a.example", digest, (uint64_t)time(NULL), &c), OK);
	struct tls_options so = {.acme = proof, .acme_arg = c, .alpn = {"h2"}, .alpn_n = 1};
	struct tls_client_options co = {.unchecked = true, .alpn = {"acme-tls/1"}, .alpn_n = 1};
	struct tls_facts f;
	meet(&so, &co, "c.example");
	assert_false(tls_is_open(pair.server));
	meet(&so, &co, "a.example");
	assert_true(tls_is_open(pair.server) && tls_is_acme(pair.server));
	assert_true(span_is(tls_protocol(pair.client), "acme-tls/1"));
	tls_facts(pair.client, &f);
	assert_string_equal(f.peer.subject, ""); /* unchecked, so nothing is vouched for */
	co.alpn[1] = "h2";			 /* RFC 8737 3: alone, or it is no challenge */
	co.alpn_n = 2;
	meet(&so, &co, "a.example");
	assert_true(tls_is_open(pair.server) && !tls_is_acme(pair.server));
	assert_true(span_is(tls_protocol(pair.client), "h2"));
	so.acme = NULL;
	co.alpn_n = 1;
	meet(&so, &co, "a.example");
	assert_false(tls_is_open(pair.server));
}

static void a_new_server_in_the_slot_leaves_open_streams_theirs(void **state)
{
	(void)state;
	struct tls_slot *slot = NULL;
	struct tls_options so = {0};
	struct tls_client_options co = trusting(&root);
	AUTO(tls_peer_unref) struct tls_peer *p = peer_of(&co, "a.example");
	char got[8];
	size_t n = 0;
	assert_int_equal(tls_slot_new(&slot), OK);
	assert_null(tls_slot_get(slot));
	struct tls_server *s = server_of(&so);
	tls_slot_set(slot, s);
	tls_server_unref(s);
	s = tls_slot_get(slot);
	pair_dial(&pair, s, p);
	tls_server_unref(s);
	s = server_of(&so);
	tls_slot_set(slot, s);
	tls_server_unref(s);
	pair_shake(&pair);
	assert_int_equal(tls_write_some(pair.client, span_text("still"), &n), OK);
	assert_int_equal(tls_read(pair.server, got, sizeof(got), &n), OK);
	assert_int_equal(n, 5);
	tls_slot_free(slot);
}

static int after(void **state)
{
	(void)state;
	pair_done(&pair);
	return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, after)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_servers_that_cannot_prove_themselves),
		TEST(refuses_to_be_told_nothing_or_two_things),
		TEST(names_that_nobody_has_are_refused_where_that_is_wished),
		TEST(clients_prove_themselves_where_asked),
		TEST(tickets_of_one_door_open_no_stricter_one),
		TEST(an_end_without_a_word_is_told),
		TEST(checks_names_addresses_and_pins),
		TEST(bytes_pass_a_wire_that_takes_few_at_a_time),
		TEST(sessions_are_resumed_by_any_server_that_has_the_key),
		TEST(a_name_is_proved_to_acme_and_nothing_else_happens_there),
		TEST(a_new_server_in_the_slot_leaves_open_streams_theirs),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
