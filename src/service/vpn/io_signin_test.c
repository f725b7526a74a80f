/* Sign-ins on a real store, a real hash thread and a real engine: what kill -9 leaves, and rows
 * that somebody moved or sealed otherwise. */
#include "service/vpn/io_signin.h"

#include "crypto/random.h"
#include "crypto/sealed.h"
#include "os/clock.h"
#include "os/file.h"
#include "service/vpn/io_store.h"
#include "service/vpn/io_vpn.h"
#include "store/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t phone[VPN_KEY_LEN] = {9, 1};
static const struct ip_endpoint somewhere = {.address = {.family = 4, .bytes = {192, 0, 2, 7}},
					     .port = 4000};

struct bench {
	struct vpn v;
	struct vpn_interface f;
	struct vpn_conf conf;
	struct vpn_peer *peer;
	struct vpn_own own;
	char *who[1];
	char user[5];
	/* The last answers. */
	bool answered;
	struct signin_answer answer;
	enum err changed;
};

static struct bench b;
static char folder[] = "/tmp/gatehouse-signin-XXXXXX";

/* --- in place of others --- */

const void *service_life_conf(const struct service_life *life)
{
	(void)life;
	return &b.conf;
}

uint64_t vpn_now_ms(void)
{
	return clock_ageing_us() / 1000 + 1;
}

void control_event(struct control *c, const char *name, json_t *fields)
{
	(void)c, (void)name;
	json_decref(fields);
}

static void effect_send(void *arg, const struct vpn_endpoint *to, uint8_t tos, struct span datagram)
{
	(void)arg, (void)to, (void)tos, (void)datagram;
}

static void effect_random(void *arg, void *ret, size_t len)
{
	(void)arg;
	assert_int_equal(crypto_random(ret, len), OK);
}

static uint64_t effect_wall_ns(void *arg)
{
	(void)arg;
	return clock_wall_ms() * 1000000;
}

static void effect_nothing(void *arg)
{
	(void)arg;
}

static void store_wake(void *arg)
{
	(void)arg; /* the test looks by itself */
}

/* --- the service, as far as it is of these tests --- */

static void engine_make(void)
{
	static const struct vpn_setting setting = {
		.workers_n = 1, .peers_max = 4, .staged_max = 4, .mtu = 1420};
	const struct vpn_effects effects = {.send = effect_send,
					    .random = effect_random,
					    .wall_ns = effect_wall_ns,
					    .begin = effect_nothing,
					    .end = effect_nothing};
	assert_int_equal(vpn_engine_new(&setting, &effects, vpn_now_ms(), &b.f.engine), OK);
	assert_int_equal(vpn_engine_add_peer(b.f.engine, vpn_now_ms(), phone, &b.peer), OK);
	(void)snprintf(b.peer->name, sizeof(b.peer->name), "phone");
	(void)snprintf(b.user, sizeof(b.user), "anna");
	b.who[0] = b.user;
	b.own = (struct vpn_own){.who = b.who, .users_n = 1};
	b.peer->owner = &b.own;
	b.peer->sign_in = true;
	gate_close(b.peer);
}

static void open_bench(uint8_t key_byte)
{
	const struct vpn_store_setting setting = {
		.url = "sqlite", .folder = folder, .wake = store_wake};
	struct sealed_key key = {{key_byte}};
	memset(&b, 0, sizeof(b));
	b.conf.has_sign_in = true;
	b.conf.limits.peers = 4;
	b.conf.sign_in.session_ms = 3600000;
	b.conf.sign_in.idle_ms = 600000;
	b.conf.sign_in.roaming = VPN_ROAMING_STRICT;
	b.conf.sign_in.issuer = "Home";
	b.conf.sign_in.password = (struct vpn_password_conf){8192, 1};
	b.conf.sign_in.attempts = (struct vpn_attempts_conf){5, 50, 50, 1000, 900000};
	b.v.interfaces = &b.f;
	b.v.interfaces_n = 1;
	b.f.vpn = &b.v;
	assert_int_equal(loop_init(&b.v.life.loop), OK);
	engine_make();
	assert_int_equal(vpn_store_new(&setting, &b.v.store), OK);
	assert_int_equal(vpn_signin_new(&b.v, b.v.store, &key, &b.v.people), OK);
	vpn_signin_peer(b.v.people, b.peer);
	assert_int_equal(vpn_store_load(b.v.store), OK);
	assert_int_equal(vpn_store_start(b.v.store), OK);
	assert_int_equal(vpn_signin_start(b.v.people), OK);
}

static void close_bench(void)
{
	vpn_store_stop(b.v.store);
	vpn_signin_free(b.v.people);
	vpn_store_free(b.v.store);
	b.peer->owner = NULL;
	vpn_engine_free(b.f.engine);
	loop_done(&b.v.life.loop);
}

/* Turns until somebody is answered. */
static void turn(void)
{
	b.answered = false;
	for (int i = 0; !b.answered; i++) {
		assert_true(i < 20000);
		vpn_signin_woken(b.v.people);
		(void)vpn_store_woken(b.v.store);
		vpn_signin_turn(b.v.people);
		vpn_store_flush(b.v.store);
		(void)usleep(500);
	}
}

static void on_changed(void *arg, const struct signin_changed *c)
{
	(void)arg;
	b.changed = c->result;
	b.answered = true;
}

static void on_answer(void *arg, const struct signin_answer *a)
{
	(void)arg;
	b.answer = *a;
	b.answered = true;
}

static struct signin *people(void)
{
	return vpn_signin_of(b.v.people);
}

static void add_user(void)
{
	const struct signin_change add = {.kind = SIGNIN_USER_ADD,
					  .user = "anna",
					  .password = span_text("correct horse"),
					  .changed = on_changed};
	signin_change(people(), clock_wall_ms(), &add);
	turn();
	assert_int_equal(b.changed, OK);
}

static void sign_in(const char *code)
{
	const struct signin_attempt try = {.peer = phone,
					   .endpoint = somewhere,
					   .user = span_text("anna"),
					   .password = span_text("correct horse"),
					   .code = span_text(code),
					   .answer = on_answer};
	signin_begin(people(), clock_wall_ms(), &try);
	if (!b.answered)
		turn();
}

/* What a process that is killed in its next moment has told others. */
struct told {
	char code[TOTP_DIGITS + 1];
	char cookie[SESSION_COOKIE_LEN + 1];
};

static void live_and_be_killed(int fd)
{
	struct told told = {0};
	open_bench(1);
	add_user();
	if (totp_code(signin_user(people(), "anna")->secret, totp_step(clock_wall_s()), told.code))
		_exit(1);
	b.answered = false;
	sign_in(told.code);
	if (b.answer.result != SIGNIN_OPENED)
		_exit(2);
	memcpy(told.cookie, b.answer.cookie, sizeof(told.cookie));
	(void)!write(fd, &told, sizeof(told));
	for (;;)
		(void)pause();
}

static struct told life_that_was_killed(void)
{
	struct told told;
	int ends[2], status;
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		live_and_be_killed(ends[1]);
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(read(ends[0], &told, sizeof(told)), sizeof(told));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(close(ends[0]), 0);
	return told;
}

static int begin(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/gatehouse-signin-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	return dir_remove(folder) ? -1 : 0;
}

/* --- facts --- */

static void an_accepted_code_is_refused_after_a_sudden_end_and_the_session_holds(void **state)
{
	(void)state;
	struct signin_view view;
	struct vpn_endpoint at;
	struct told told = life_that_was_killed();
	open_bench(1);
	assert_int_equal(vpn_peer_gate(b.peer, vpn_now_ms()), VPN_GATE_OPEN);
	/* It may be open where it was, and nowhere else. */
	assert_true(vpn_peer_endpoint(b.peer, &at));
	assert_true(ip_endpoint_equal(&at.remote, &somewhere));
	assert_int_equal(atomic_load(&b.peer->on_moved_port), VPN_GATE_CLOSED);
	signin_look(people(), clock_wall_ms(), phone, span_text(told.cookie), &view);
	assert_true(view.ours);
	assert_string_equal(view.user, "anna");

	b.answered = false;
	sign_in(told.code);
	assert_int_equal(b.answer.result, SIGNIN_REFUSED);
	struct signin_counts counts;
	signin_counts(people(), &counts);
	assert_int_equal(counts.refused[SIGNIN_CAUSE_REPLAYED], 1);
	close_bench();
}

static void without_its_key_the_store_opens_nothing(void **state)
{
	(void)state;
	(void)life_that_was_killed();
	open_bench(2);
	assert_int_equal(vpn_peer_gate(b.peer, vpn_now_ms()), VPN_GATE_CLOSED);
	assert_null(signin_user(people(), "anna"));
	/* And writes nothing over it: the row is there, and not ours. */
	const struct signin_change add = {.kind = SIGNIN_USER_ADD,
					  .user = "anna",
					  .password = span_text("correct horse"),
					  .changed = on_changed};
	signin_change(people(), clock_wall_ms(), &add);
	turn();
	assert_int_equal(b.changed, ERR_CLOSED);
	close_bench();
	open_bench(1);
	assert_non_null(signin_user(people(), "anna"));
	assert_int_equal(vpn_peer_gate(b.peer, vpn_now_ms()), VPN_GATE_OPEN);
	close_bench();
}

struct copy {
	uint8_t value[STORE_VALUE_MAX];
	size_t len;
};

static enum err copy_row(void *arg, const struct store_row *row)
{
	struct copy *c = arg;
	memcpy(c->value, row->value.data, row->value.len);
	c->len = row->value.len;
	return OK;
}

static void a_row_that_was_moved_to_another_name_is_nobody(void **state)
{
	(void)state;
	static const char *const tables[] = {"users", "sessions", "peers"};
	static struct copy copy;
	char path[64];
	struct store *store = NULL;
	(void)life_that_was_killed();
	(void)snprintf(path, sizeof(path), "%s/vpn.db", folder);
	const struct store_config config = {.path = path, .tables = tables, .tables_len = 3};
	assert_int_equal(store_new(&config, &store), OK);
	assert_int_equal(store_open(store), OK);
	assert_int_equal(store_load(store, VPN_TABLE_USERS, copy_row, &copy), OK);
	assert_true(copy.len > 0);
	struct store_item item = {.table = VPN_TABLE_USERS,
				  .key = span_text("mallory"),
				  .value = span_of(copy.value, copy.len)};
	assert_int_equal(store_commit(store, &item, 1), OK);
	store_free(store);
	open_bench(1);
	assert_null(signin_user(people(), "mallory"));
	assert_non_null(signin_user(people(), "anna"));
	close_bench();
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(an_accepted_code_is_refused_after_a_sudden_end_and_the_session_holds),
		FACT(without_its_key_the_store_opens_nothing),
		FACT(a_row_that_was_moved_to_another_name_is_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
