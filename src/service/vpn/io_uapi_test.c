/* The sockets of `wg`, on a real engine: requests in pieces, several in one, too long, wrong; and
 * what a set may not do. The test stands in place of main.c and of what knows other peers. */
#include "service/vpn/io_uapi.h"

#include "base/writer.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/tcp.h"
#include "os/unix.h"
#include "service/vpn/io_names.h"
#include "service/vpn/io_vpn.h"
#include "supervisor/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY_A "e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a"
#define KEY_B "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33"
#define DONE  "errno=0\n\n"

struct bench {
	struct vpn v;
	struct vpn_interface f;
	struct vpn_conf conf;
	struct vpn_interface_conf interface;
	struct vpn_uapi *uapi;
	char folder[64];
	int client;
	unsigned begun;
};

static struct bench *b;

/* --- in place of others --- */

uint64_t vpn_now_ms(void)
{
	return 1000;
}

const void *service_life_conf(const struct service_life *life)
{
	(void)life;
	return &b->conf;
}

void vpn_engines_turn(void *vpn)
{
	(void)vpn;
}

void vpn_names_follow(struct vpn *v)
{
	(void)v;
}

enum err plan_add_unix_optional(struct plan *p, const char *service, const char *name,
				const char *path)
{
	(void)p, (void)service, (void)name, (void)path;
	return OK;
}

enum err vpn_peer_put(struct vpn_interface *f, const struct vpn_peer_setting *s,
		      enum vpn_origin origin, struct vpn_peer **ret)
{
	assert_int_equal(origin, VPN_ORIGIN_UAPI);
	assert_true(b->begun > 0);
	return vpn_engine_add_peer(f->engine, vpn_now_ms(), s->public_key, ret);
}

static void on_send(void *arg, const struct vpn_endpoint *to, uint8_t tos, struct span datagram)
{
	(void)arg, (void)to, (void)tos, (void)datagram;
}

static void on_random(void *arg, void *ret, size_t len)
{
	(void)arg;
	memset(ret, 7, len);
}

static uint64_t on_wall_ns(void *arg)
{
	(void)arg;
	return UINT64_C(1700000000000000000);
}

static void on_begin(void *arg)
{
	(void)arg;
	b->begun++;
}

static void on_end(void *arg)
{
	(void)arg;
	b->begun--;
}

static int begin(void **state)
{
	static struct bench bench;
	const struct vpn_setting setting = {
		.workers_n = 1, .peers_max = 64, .staged_max = 4, .mtu = 1420};
	const struct vpn_effects effects = {.send = on_send,
					    .random = on_random,
					    .wall_ns = on_wall_ns,
					    .begin = on_begin,
					    .end = on_end};
	char path[128];

	*state = b = &bench;
	bench = (struct bench){.client = -1, .folder = "/tmp/gatehouse-uapi-XXXXXX"};
	assert_non_null(mkdtemp(b->folder));
	b->interface.name = "wg0";
	b->conf.interfaces = (struct config_list){.items = &b->interface, .n = 1};
	b->conf.wg_sockets = b->folder;
	b->v.interfaces = &b->f;
	b->v.interfaces_n = 1;
	b->f.vpn = &b->v;
	b->f.listen[0].port = 51820;
	b->f.listen_n = 1;
	(void)snprintf(b->f.name, sizeof(b->f.name), "wg0");
	assert_int_equal(loop_init(&b->v.life.loop), OK);
	assert_int_equal(vpn_engine_new(&setting, &effects, vpn_now_ms(), &b->f.engine), OK);
	const struct service_start start = {.user = NULL};
	b->v.life.start = &start;
	assert_int_equal(vpn_uapi_open(&b->v, &b->uapi), OK);
	b->v.life.start = NULL;
	assert_int_equal(vpn_uapi_start(b->uapi), OK);
	(void)snprintf(path, sizeof(path), "%s/wg0.sock", b->folder);
	assert_int_equal(unix_connect_now(path, &b->client), OK);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fd_done(&b->client);
	vpn_uapi_free(b->uapi);
	vpn_engine_free(b->f.engine);
	loop_done(&b->v.life.loop);
	return dir_remove(b->folder) == OK ? 0 : -1;
}

/* --- the client --- */

static void turns(void)
{
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(loop_turn(&b->v.life.loop, 1), OK);
}

static void say(const char *text)
{
	size_t len = 0;

	assert_int_equal(tcp_write(b->client, span_text(text), &len), OK);
	assert_int_equal(len, strlen(text));
	turns();
}

/* All that is there. */
static const char *heard(void)
{
	static char text[65536];
	size_t at = 0, len = 0;

	do {
		enum err e = tcp_read(b->client, text + at, sizeof(text) - 1 - at, &len);
		if (e)
			return "closed";
		at += len;
		turns();
	} while (len);
	text[at] = '\0';
	return text;
}

/* --- facts --- */

static void a_request_in_pieces_is_one(void **state)
{
	(void)state;
	static const char whole[] = "set=1\npublic_key=" KEY_A "\nallowed_ip=10.0.0.0/8\n\n";

	for (size_t i = 0; i + 1 < sizeof(whole) - 1; i++) {
		say((char[]){whole[i], '\0'});
		assert_string_equal(heard(), "");
	}
	say("\n");
	assert_string_equal(heard(), DONE);
	assert_int_equal(vpn_engine_peers(b->f.engine), 1);
	say("get=1\n\n");
	assert_string_equal(heard(),
			    "listen_port=51820\npublic_key=" KEY_A
			    "\nprotocol_version=1\nlast_handshake_time_sec=0\n"
			    "last_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\n"
			    "persistent_keepalive_interval=0\nallowed_ip=10.0.0.0/8\n" DONE);
}

static void requests_that_come_together_are_answered_in_order(void **state)
{
	(void)state;
	say("set=1\npublic_key=" KEY_A "\n\nset=1\nlisten_port=1\n\nget=1\n\n");
	const char *text = heard();
	assert_non_null(strstr(text, DONE "errno=-95\n\nlisten_port=51820\npublic_key=" KEY_A));
}

static void what_is_no_request_ends_the_conversation(void **state)
{
	(void)state;
	say("GET / HTTP/1.1\r\n\r\n");
	assert_string_equal(heard(), "closed");
}

static void a_wrong_line_changes_nothing(void **state)
{
	(void)state;
	say("set=1\npublic_key=" KEY_A "\nallowed_ip=10.0.0.0/8\npublic_key=" KEY_B
	    "\nendpoint=nowhere\n\n");
	assert_string_equal(heard(), "errno=-22\n\n");
	assert_int_equal(vpn_engine_peers(b->f.engine), 0);
}

/* More than the first buffer, so that it grows. */
static void a_long_request_is_read_whole(void **state)
{
	(void)state;
	char line[64];

	say("set=1\npublic_key=" KEY_A "\n");
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(line, sizeof(line), "allowed_ip=10.%u.%u.0/24\n", i / 256, i % 256);
		say(line);
	}
	say("\n");
	assert_string_equal(heard(), DONE);
	assert_int_equal(vpn_engine_next_peer(b->f.engine, NULL)->allowed_n, 1000);
	say("get=1\n\n");
	const char *text = heard();
	assert_non_null(strstr(text, "allowed_ip=10.3.231.0/24\n" DONE));
}

static void who_signs_in_gets_no_network(void **state)
{
	(void)state;
	say("set=1\npublic_key=" KEY_A "\nallowed_ip=10.0.0.1/32\n\n");
	vpn_engine_next_peer(b->f.engine, NULL)->sign_in = true;
	say("set=1\npublic_key=" KEY_B "\npublic_key=" KEY_A "\nallowed_ip=10.0.0.0/24\n\n");
	assert_string_equal(heard(), DONE "errno=-1\n\n");
	assert_int_equal(vpn_engine_peers(b->f.engine), 1);
	say("set=1\npublic_key=" KEY_A "\nreplace_allowed_ips=true\nallowed_ip=10.0.0.2/32\n\n");
	assert_string_equal(heard(), DONE);
}

/* The peer that is named again is the same one; the others go. */
static void replaced_peers_keep_what_the_text_does_not_say(void **state)
{
	(void)state;
	say("set=1\npublic_key=" KEY_A "\nallowed_ip=10.0.0.1/32\npreshared_key=" KEY_B
	    "\npersistent_keepalive_interval=9\npublic_key=" KEY_B "\n\n");
	assert_string_equal(heard(), DONE);
	struct vpn_peer *a = vpn_engine_next_peer(b->f.engine, NULL);
	(void)snprintf(a->name, sizeof(a->name), "phone");
	a->sign_in = true;
	say("set=1\nreplace_peers=true\npublic_key=" KEY_A "\nallowed_ip=10.0.0.2/32\n\n");
	assert_string_equal(heard(), DONE);
	assert_int_equal(vpn_engine_peers(b->f.engine), 1);
	assert_ptr_equal(vpn_engine_next_peer(b->f.engine, NULL), a);
	assert_string_equal(a->name, "phone");
	assert_true(a->sign_in);
	assert_int_equal(a->allowed_n, 1);
	assert_int_equal(a->keepalive_s, 0);
	assert_int_equal(a->preshared_key[0], 0);
}

static void removing_and_updating_who_is_not_there_does_nothing(void **state)
{
	(void)state;
	say("set=1\npublic_key=" KEY_A "\nremove=true\npublic_key=" KEY_B
	    "\nupdate_only=true\nallowed_ip=10.0.0.0/8\n\n");
	assert_string_equal(heard(), DONE);
	assert_int_equal(vpn_engine_peers(b->f.engine), 0);
}

static void our_own_key_is_passed_over(void **state)
{
	(void)state;
	uint8_t key[VPN_KEY_LEN];
	char text[256], hex[2 * VPN_KEY_LEN + 1];

	say("set=1\nprivate_key=" KEY_A "\n\n");
	assert_true(vpn_engine_public_key(b->f.engine, key));
	for (size_t i = 0; i < sizeof(key); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", key[i]);
	(void)snprintf(text, sizeof(text), "set=1\npublic_key=%s\npublic_key=" KEY_B "\n\n", hex);
	say(text);
	assert_string_equal(heard(), DONE DONE);
	assert_int_equal(vpn_engine_peers(b->f.engine), 1);
}

static void more_conversations_than_there_is_room_for_are_turned_away(void **state)
{
	(void)state;
	int more[16];
	char path[128];
	size_t len = 0, closed = 0;
	uint8_t octet;

	(void)snprintf(path, sizeof(path), "%s/wg0.sock", b->folder);
	turns();
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(unix_connect_now(path, &more[i]), OK);
		turns();
	}
	for (size_t i = 0; i < 16; i++) {
		closed += tcp_read(more[i], &octet, 1, &len) == ERR_CLOSED;
		fd_done(&more[i]);
	}
	assert_int_equal(closed, 1);
	turns();
	say("get=1\n\n");
	assert_string_equal(heard(), "listen_port=51820\n" DONE);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(a_request_in_pieces_is_one),
		FACT(requests_that_come_together_are_answered_in_order),
		FACT(what_is_no_request_ends_the_conversation),
		FACT(a_wrong_line_changes_nothing),
		FACT(a_long_request_is_read_whole),
		FACT(who_signs_in_gets_no_network),
		FACT(replaced_peers_keep_what_the_text_does_not_say),
		FACT(removing_and_updating_who_is_not_there_does_nothing),
		FACT(our_own_key_is_passed_over),
		FACT(more_conversations_than_there_is_room_for_are_turned_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
