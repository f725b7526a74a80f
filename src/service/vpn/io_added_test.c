/* Added peers between a store, an engine and who asks, all played by the test: what becomes of
 * rows, also of other gateways', and when an answer is given. */
#include "service/vpn/io_added.h"

#include "base/writer.h"
#include "service/vpn/io_names.h"
#include "service/vpn/io_store.h"
#include "service/vpn/io_vpn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PEERS = 8 };

struct bench {
	struct vpn v;
	struct vpn_interface f;
	struct vpn_conf conf;
	struct vpn_interface_conf interface;
	const char *addresses[2];
	struct vpn_store_face face;
	/* The engine. */
	struct vpn_peer peers[PEERS];
	struct vpn_own owns[PEERS];
	struct ip_address at[PEERS];
	unsigned peers_n, follows;
	/* The store: what was put last. */
	struct store_request request;
	uint8_t value[STORE_VALUE_MAX];
	unsigned puts;
	enum err put;
	/* The answer. */
	int status;
	char text[4096];
};

static struct bench *b;

/* --- in place of others --- */

const void *service_life_conf(const struct service_life *life)
{
	(void)life;
	return &b->conf;
}

struct vpn_interface *vpn_interface_find(struct vpn *v, const char *name)
{
	return strcmp(name, "wg0") == 0 ? v->interfaces : NULL;
}

static struct vpn_peer *keyed(const uint8_t *key)
{
	for (unsigned i = 0; i < b->peers_n; i++)
		if (memcmp(b->peers[i].public_key, key, VPN_KEY_LEN) == 0)
			return &b->peers[i];
	return NULL;
}

struct vpn_peer *vpn_peer_find(struct vpn *v, const char *name, struct vpn_interface **ret_of)
{
	for (unsigned i = 0; i < b->peers_n; i++)
		if (strcmp(b->peers[i].name, name) == 0) {
			*ret_of = v->interfaces;
			return &b->peers[i];
		}
	return NULL;
}

struct vpn_peer *vpn_engine_find_peer(const struct vpn_engine *e, const uint8_t key[VPN_KEY_LEN])
{
	(void)e;
	return keyed(key);
}

struct vpn_peer *vpn_engine_peer_at(const struct vpn_engine *e, const struct ip_address *inner)
{
	(void)e, (void)inner;
	return NULL;
}

bool vpn_engine_public_key(const struct vpn_engine *e, uint8_t ret[VPN_KEY_LEN])
{
	(void)e;
	memset(ret, 1, VPN_KEY_LEN);
	return true;
}

enum err vpn_peer_put(struct vpn_interface *f, const struct vpn_peer_setting *s,
		      enum vpn_origin origin, struct vpn_peer **ret)
{
	struct vpn_peer *p = keyed(s->public_key);
	(void)f;

	if (!p) {
		assert_true(b->peers_n < PEERS);
		p = &b->peers[b->peers_n++];
	}
	p->owner = &b->owns[p - b->peers];
	vpn_own_of(p)->origin = origin;
	p->sign_in = s->sign_in;
	memcpy(p->public_key, s->public_key, VPN_KEY_LEN);
	memcpy(p->preshared_key, s->preshared_key, VPN_KEY_LEN);
	(void)snprintf(p->name, sizeof(p->name), "%s", s->name);
	*ret = p;
	return OK;
}

void vpn_engine_remove_peer(struct vpn_engine *e, struct vpn_peer *peer)
{
	(void)e;
	*peer = b->peers[--b->peers_n];
	memset(&b->peers[b->peers_n], 0, sizeof(*peer));
}

enum err vpn_store_key(const struct vpn *v, const struct vpn_conf *conf, uint8_t ret[VPN_KEY_LEN])
{
	(void)v, (void)conf;
	memset(ret, 5, VPN_KEY_LEN);
	return OK;
}

void vpn_store_add(struct vpn_store *s, const struct vpn_store_face *face)
{
	(void)s;
	b->face = *face;
}

enum err vpn_store_put(struct vpn_store *s, const struct vpn_store_write *w)
{
	(void)s;
	if (b->put)
		return b->put;
	b->puts++;
	b->request = (struct store_request){.table = w->table,
					    .expect = w->expect,
					    .remove = w->remove,
					    .number = w->number,
					    .arg = w->arg,
					    .key_len = (uint16_t)w->key.len,
					    .value_len = (uint16_t)w->value.len,
					    .value = b->value};
	memcpy(b->request.key, w->key.data, w->key.len);
	if (w->value.len)
		memcpy(b->value, w->value.data, w->value.len);
	return OK;
}

void vpn_names_follow(struct vpn *v)
{
	(void)v;
	b->follows++;
}

void control_event(struct control *c, const char *name, json_t *fields)
{
	(void)c, (void)name;
	json_decref(fields);
}

void control_reply_json(struct control_reply *reply, int status, json_t *body)
{
	assert_ptr_equal(reply, b);
	assert_int_equal(b->status, 0); /* one answer */
	b->status = status;
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	(void)snprintf(b->text, sizeof(b->text), "%s", text);
	free(text);
	json_decref(body);
}

void control_reply_error(struct control_reply *reply, int status, const char *text)
{
	control_reply_json(reply, status, json_string(text));
}

const char *control_request_query(const struct control_request *req, const char *name)
{
	return json_string_value(json_object_get(req->query, name));
}

/* --- the bench --- */

static int begin(void **state)
{
	static struct bench bench;

	*state = b = &bench;
	bench = (struct bench){.addresses = {"10.9.0.1/29", "fd00:9::1/64"}};
	b->interface.name = "wg0";
	b->interface.addresses = (struct config_list){.items = b->addresses, .n = 2};
	b->interface.clients.endpoint = "vpn.example.org:51820";
	b->conf.interfaces = (struct config_list){.items = &b->interface, .n = 1};
	b->v.interfaces = &b->f;
	b->v.interfaces_n = 1;
	b->f.vpn = &b->v;
	(void)snprintf(b->f.name, sizeof(b->f.name), "wg0");
	assert_int_equal(vpn_added_new(&b->v, &b->v.added), OK);
	return 0;
}

static int end(void **state)
{
	(void)state;
	vpn_added_free(b->v.added);
	return 0;
}

/* A key in base64 of 32 equal octets. */
static const char *key_of(uint8_t octet)
{
	static char text[WG_KEY_BASE64_LEN + 1];
	uint8_t key[WG_KEY_LEN];

	memset(key, octet, sizeof(key));
	wg_key_write_base64(key, text);
	return text;
}

static void ask_add(const char *name, uint8_t key, const char *more)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"name\": \"%s\", \"public_key\": \"%s\"%s}", name,
		       key_of(key), more);
	json_t *body = json_loads(text, 0, NULL);
	assert_non_null(body);
	b->status = 0;
	vpn_added_handle_add(&b->v, &(struct control_request){.body = body}, (void *)b);
	json_decref(body);
}

static void ask_remove(const char *name)
{
	json_t *query = json_pack("{s:s}", "name", name);

	b->status = 0;
	vpn_added_handle_remove(&b->v, &(struct control_request){.query = query}, (void *)b);
	json_decref(query);
}

/* The store has done what was put last. */
static void store_says(enum err result)
{
	b->request.result = result;
	b->request.ret_version = b->puts;
	b->face.stored(b->face.arg, &b->request);
}

static void add(const char *name, uint8_t key)
{
	ask_add(name, key, "");
	assert_int_equal(b->status, 0);
	store_says(OK);
	assert_int_equal(b->status, 200);
}

/* What was put last, as another gateway's row. */
static enum err learn_last(uint64_t version, bool removed)
{
	const struct store_row row = {.table = VPN_TABLE_PEERS,
				      .key = span_of(b->request.key, b->request.key_len),
				      .value = span_of(b->value, b->request.value_len),
				      .version = version,
				      .removed = removed};
	return b->face.learn(b->face.arg, &row);
}

/* --- facts --- */

static void a_peer_is_there_only_when_its_row_is_durable(void **state)
{
	(void)state;
	ask_add("phone", 8, "");
	assert_int_equal(b->status, 0);
	assert_int_equal(b->peers_n, 0);
	assert_null(strstr((char *)b->value, "phone"));
	/* Its name and addresses are taken meanwhile. */
	ask_add("phone", 9, "");
	assert_int_equal(b->status, 409);
	b->status = 0;
	store_says(OK);
	assert_int_equal(b->status, 200);
	assert_int_equal(b->peers_n, 1);
	assert_non_null(strstr(b->text, "\"addresses\":[\"10.9.0.2/32\",\"fd00:9::2/128\"]"));
	assert_int_equal(vpn_own_of(&b->peers[0])->origin, VPN_ORIGIN_STORE);
	assert_int_equal(b->follows, 1);
}

static void nothing_is_there_when_the_store_is_away(void **state)
{
	(void)state;
	ask_add("phone", 8, "");
	store_says((enum err)ENOTCONN);
	assert_int_equal(b->status, 503);
	assert_int_equal(b->peers_n, 0);
	b->put = ERR_LIMIT;
	ask_add("phone", 8, "");
	assert_int_equal(b->status, 503);
	b->put = OK;
	ask_add("phone", 8, "");
	store_says(ERR_EXISTS);
	assert_int_equal(b->status, 409);
	add("phone", 8);
	assert_int_equal(b->peers_n, 1);
	ask_remove("phone");
	store_says((enum err)EIO);
	assert_int_equal(b->status, 503);
	assert_int_equal(b->peers_n, 1);
}

static void addresses_end(void **state)
{
	(void)state;
	char name[16];

	/* 10.9.0.0/29 has six hosts, and one is ours. */
	for (uint8_t i = 0; i < 5; i++) {
		(void)snprintf(name, sizeof(name), "p%u", i);
		add(name, (uint8_t)(10 + i));
	}
	ask_add("more", 20, "");
	assert_int_equal(b->status, 409);
	ask_remove("p2");
	store_says(OK);
	add("more", 20);
	assert_non_null(strstr(b->text, "10.9.0.4/32"));
}

static void what_is_asked_wrongly_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		", \"interface\": \"wg1\"",
		", \"expires\": \"soon\"",
		", \"keepalive_s\": -1",
		", \"keepalive_s\": \"5\"",
		", \"routes\": [\"10.0.0.1/8\"]",
		", \"routes\": [5]",
		", \"users\": [\"anna\"]",
		", \"users\": [\"\"]",
		", \"sign_in\": true",
		", \"up\": \"fast\"",
		", \"down\": 5",
		", \"reach\": [\"nas\"]",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ask_add("phone", 8, wrong[i]);
		assert_int_equal(b->status, 400);
	}
	ask_add("Phone", 8, "");
	assert_int_equal(b->status, 400);
	ask_add("phone", 0, "");
	assert_int_equal(b->status, 400);
	b->interface.clients.endpoint = NULL;
	ask_add("phone", 8, "");
	assert_int_equal(b->status, 400);
	assert_int_equal(b->puts, 0);
}

static void another_gateways_rows_become_peers_and_go(void **state)
{
	(void)state;
	ask_add("phone", 8, "");
	store_says((enum err)EIO); /* only for the row's octets */
	b->follows = 0;
	assert_int_equal(learn_last(7, false), OK);
	assert_int_equal(b->peers_n, 1);
	assert_string_equal(b->peers[0].name, "phone");
	assert_int_equal(b->follows, 1);
	/* An older one changes nothing. */
	assert_int_equal(learn_last(6, true), OK);
	assert_int_equal(b->peers_n, 1);
	assert_int_equal(learn_last(8, true), OK);
	assert_int_equal(b->peers_n, 0);
	assert_null(vpn_added_find(b->v.added, "phone"));
}

static void rows_that_are_not_told_any_more_are_gone(void **state)
{
	(void)state;
	add("phone", 8);
	add("tablet", 9);
	b->follows = 0;
	b->face.learn_begin(b->face.arg);
	assert_int_equal(learn_last(50, false), OK); /* the tablet's */
	b->face.learn_end(b->face.arg);
	assert_int_equal(b->peers_n, 1);
	assert_string_equal(b->peers[0].name, "tablet");
	assert_int_equal(b->follows, 1);
}

static void a_torn_row_and_one_of_another_key_are_left_aside(void **state)
{
	(void)state;
	ask_add("phone", 8, "");
	store_says((enum err)EIO);
	b->value[b->request.value_len - 1] ^= 1;
	assert_int_equal(learn_last(7, false), ERR_REFUSED);
	b->request.value_len--;
	assert_int_equal(learn_last(7, false), ERR_FORMAT);
	assert_int_equal(b->peers_n, 0);
}

static void the_files_peer_goes_first(void **state)
{
	(void)state;
	add("phone", 8);
	b->owns[0].origin = VPN_ORIGIN_CONFIG; /* a reload took the key over, under another name */
	(void)snprintf(b->peers[0].name, sizeof(b->peers[0].name), "laptop");
	vpn_added_apply(b->v.added);
	assert_int_equal(vpn_own_of(&b->peers[0])->origin, VPN_ORIGIN_CONFIG);
	assert_string_equal(b->peers[0].name, "laptop");
	/* To take the row out leaves it. */
	ask_remove("phone");
	store_says(OK);
	assert_int_equal(b->peers_n, 1);
	ask_remove("laptop");
	assert_int_equal(b->status, 409);
}

static void a_removed_peers_row_stays_until_its_names_are_gone(void **state)
{
	(void)state;
	const struct ip_address four = ip_address_v4(10, 9, 0, 2);
	size_t at = 0;

	add("phone", 8);
	vpn_added_named(b->v.added, &four, 3);
	assert_int_equal(b->request.value_len > 0, true);
	store_says(OK);
	ask_remove("phone");
	assert_false(b->request.remove);
	store_says(OK);
	assert_int_equal(b->status, 200);
	assert_int_equal(b->peers_n, 0);
	assert_null(vpn_added_find(b->v.added, "phone"));
	assert_true(vpn_added_next(b->v.added, &at)->a.ended);
	vpn_added_named(b->v.added, &four, 0);
	assert_true(b->request.remove);
	store_says(OK);
	at = 0;
	assert_null(vpn_added_next(b->v.added, &at));
}

static void a_name_is_free_again_while_the_old_one_goes(void **state)
{
	(void)state;
	const struct ip_address four = ip_address_v4(10, 9, 0, 2);

	add("phone", 8);
	vpn_added_named(b->v.added, &four, 3);
	store_says(OK);
	ask_remove("phone");
	store_says(OK);
	ask_add("phone", 9, "");
	assert_int_equal(b->request.expect, STORE_EXPECT_ANY);
	store_says(OK);
	assert_int_equal(b->status, 200);
	assert_int_equal(b->peers_n, 1);
	assert_int_equal(b->peers[0].public_key[0], 9);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(a_peer_is_there_only_when_its_row_is_durable),
		FACT(nothing_is_there_when_the_store_is_away),
		FACT(addresses_end),
		FACT(what_is_asked_wrongly_is_refused),
		FACT(another_gateways_rows_become_peers_and_go),
		FACT(rows_that_are_not_told_any_more_are_gone),
		FACT(a_torn_row_and_one_of_another_key_are_left_aside),
		FACT(the_files_peer_goes_first),
		FACT(a_removed_peers_row_stays_until_its_names_are_gone),
		FACT(a_name_is_free_again_while_the_old_one_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
