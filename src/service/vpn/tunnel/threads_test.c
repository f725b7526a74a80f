/* Two sites with two workers each, in threads of their own, while the main thread makes handshakes,
 * moves allowed IPs, removes and adds peers: nothing is delivered twice, altered, or as another's.
 */
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "os/thread.h"
#include "service/vpn/tunnel/engine.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
	WORKERS = 2,
	BOX = 64,
	PACKETS = 4000,
	TRIES = 1000000,
	PACKET_LEN = 64,
	DATAGRAM = 128,
	SPARE = 4
};

/* What main is to handle of one site: handshake messages, and data that main itself sent. */
struct box {
	pthread_mutex_t lock;
	struct vpn_handshake_message letters[BOX];
	size_t n;
};

struct site {
	struct vpn_engine *e;
	struct site *other;
	uint8_t private[VPN_KEY_LEN], public[VPN_KEY_LEN];
	struct ip_endpoint at;
	pthread_mutex_t workers[WORKERS];
	struct box box;
	_Atomic unsigned events;
};

static struct site sites[2];
static _Atomic uint64_t now_ms = 1000000;
static _Atomic uint8_t seen[2][WORKERS * TRIES];
static _Atomic unsigned delivered, altered, twice;
static _Atomic unsigned working;

/* The last datagram of each thread, for another one to replay. */
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	uint8_t bytes[DATAGRAM];
	size_t len;
} kept[2];

static void put_letter(struct site *s, const struct vpn_endpoint *from, struct span datagram)
{
	pthread_mutex_lock(&s->box.lock);
	if (s->box.n < BOX && datagram.len <= VPN_HANDSHAKE_MAX) {
		struct vpn_handshake_message *l = &s->box.letters[s->box.n++];
		l->from = *from;
		l->len = (uint16_t)datagram.len;
		memcpy(l->bytes, datagram.data, datagram.len);
	}
	pthread_mutex_unlock(&s->box.lock);
}

static void effect_send(void *arg, const struct vpn_endpoint *to, uint8_t tos, struct span datagram)
{
	struct site *s = arg;
	struct vpn_endpoint from = {.remote = s->at};
	(void)to;
	(void)tos;
	put_letter(s->other, &from, datagram);
}

static void effect_random(void *arg, void *ret, size_t len)
{
	(void)arg;
	if (crypto_random(ret, len) != OK)
		abort();
}

static uint64_t effect_wall_ns(void *arg)
{
	(void)arg;
	return now_ms * 1000000;
}

static void effect_begin(void *arg)
{
	struct site *s = arg;
	for (size_t i = 0; i < WORKERS; i++)
		pthread_mutex_lock(&s->workers[i]);
}

static void effect_end(void *arg)
{
	struct site *s = arg;
	for (size_t i = WORKERS; i-- > 0;)
		pthread_mutex_unlock(&s->workers[i]);
}

static void effect_event(void *arg, const struct vpn_event *event)
{
	struct site *s = arg;
	(void)event;
	s->events++;
}

static void packet_make(uint8_t *packet, unsigned from, uint32_t number)
{
	memset(packet, (int)(number * 7), PACKET_LEN);
	memset(packet, 0, 20);
	packet[0] = 0x45;
	packet[3] = PACKET_LEN;
	packet[12] = packet[16] = 10;
	packet[15] = (uint8_t)(from + 1);
	packet[19] = (uint8_t)(2 - from);
	memcpy(packet + 20, &number, sizeof(number));
}

static void check_packet(unsigned to, const uint8_t *packet, size_t len)
{
	uint8_t want[PACKET_LEN];
	uint32_t number;
	memcpy(&number, packet + 20, sizeof(number));
	if (len != PACKET_LEN || number >= WORKERS * TRIES) {
		altered++;
		return;
	}
	packet_make(want, 1 - to, number);
	if (memcmp(want, packet, len) != 0)
		altered++;
	if (atomic_exchange(&seen[to][number], 1))
		twice++;
	delivered++;
}

/* worker's mutex is free. */
static void open_one(struct site *s, size_t worker, const struct vpn_endpoint *from,
		     struct span datagram)
{
	uint8_t out[VPN_HANDSHAKE_MAX];
	struct vpn_plane *p = vpn_engine_plane(s->e, worker);
	struct vpn_open o = {
		.datagram = datagram, .from = from, .out = out, .out_cap = sizeof(out)};
	pthread_mutex_lock(&s->workers[worker]);
	vpn_plane_open(p, now_ms, &o, 1);
	if (o.result == VPN_OPEN_PACKET)
		check_packet((unsigned)(s - sites), out, o.len);
	pthread_mutex_unlock(&s->workers[worker]);
	if (o.result == VPN_OPEN_HANDSHAKE)
		put_letter(s, from, datagram);
}

static void replay_anothers(struct site *to, size_t worker, struct span mine)
{
	uint8_t bytes[DATAGRAM];
	size_t at = (size_t)(to - sites), len;
	struct vpn_endpoint from = {.remote = to->other->at};
	pthread_mutex_lock(&kept_lock);
	len = kept[at].len;
	memcpy(bytes, kept[at].bytes, len);
	memcpy(kept[at].bytes, mine.data, mine.len);
	kept[at].len = mine.len;
	pthread_mutex_unlock(&kept_lock);
	open_one(to, worker, &from, span_of(bytes, len));
}

static void work(void *arg)
{
	size_t worker = (size_t)arg;
	struct test_random random = {.state = worker + 1};
	unsigned sent = 0;
	for (uint32_t n = 0; n < TRIES && sent < PACKETS; n++) {
		struct site *s = &sites[test_random_below(&random, 2)];
		uint8_t packet[PACKET_LEN], out[DATAGRAM];
		packet_make(packet, (unsigned)(s - sites), (uint32_t)(worker * TRIES) + n);
		struct vpn_plane *p = vpn_engine_plane(s->e, worker);
		struct vpn_seal seal = {
			.packet = span_of(packet, sizeof(packet)), .out = out, .out_cap = DATAGRAM};
		pthread_mutex_lock(&s->workers[worker]);
		seal.peer = vpn_plane_route(p, seal.packet);
		if (seal.peer)
			vpn_plane_seal(p, now_ms, &seal, 1);
		pthread_mutex_unlock(&s->workers[worker]);
		if (!seal.peer || seal.result != VPN_SEAL_DATAGRAM) {
			sched_yield();
			continue;
		}
		sent++;
		struct vpn_endpoint from = {.remote = s->at};
		from.remote.port = (uint16_t)(from.remote.port + test_random_below(&random, 2));
		open_one(s->other, worker, &from, span_of(out, seal.len));
		replay_anothers(s->other, worker, span_of(out, seal.len));
	}
	working--;
}

static void empty_box(struct site *s)
{
	struct vpn_handshake_message l;
	for (;;) {
		pthread_mutex_lock(&s->box.lock);
		bool any = s->box.n > 0;
		if (any) {
			l = s->box.letters[0];
			memmove(s->box.letters, s->box.letters + 1, --s->box.n * sizeof(l));
		}
		pthread_mutex_unlock(&s->box.lock);
		if (!any)
			return;
		if (l.bytes[0] == 4)
			open_one(s, 0, &l.from, span_of(l.bytes, l.len));
		else
			vpn_engine_receive(s->e, now_ms, &l, 1);
	}
}

static struct vpn_peer *meet(struct site *s)
{
	struct vpn_peer *peer;
	struct ip_address at = ip_address_v4(10, 0, 0, (uint8_t)(s->other - sites + 1));
	struct ip_prefix prefix = ip_prefix_of(&at, 32);
	assert_int_equal(vpn_engine_add_peer(s->e, now_ms, s->other->public, &peer), OK);
	assert_int_equal(vpn_engine_allow(s->e, peer, &prefix), OK);
	vpn_engine_set_endpoint(s->e, peer, &s->other->at);
	return peer;
}

/* The tables grow, shrink and change under the workers. */
static void disturb(struct site *s, unsigned turn)
{
	struct vpn_peer *peer;
	uint8_t key[VPN_KEY_LEN] = {9, (uint8_t)(turn % SPARE), 1};
	struct ip_address at = ip_address_v4(10, 9, (uint8_t)turn, 0);
	struct ip_prefix prefix = ip_prefix_of(&at, 24);
	peer = vpn_engine_find_peer(s->e, key);
	if (peer) {
		vpn_engine_remove_peer(s->e, peer);
	} else {
		assert_int_equal(vpn_engine_add_peer(s->e, now_ms, key, &peer), OK);
		assert_int_equal(vpn_engine_allow(s->e, peer, &prefix), OK);
	}
	if (turn % 50 == 49) {
		vpn_engine_remove_peer(s->e, vpn_engine_find_peer(s->e, s->other->public));
		(void)meet(s);
	}
	if (turn % 20 == 19)
		vpn_engine_forget_keys(s->e, vpn_engine_find_peer(s->e, s->other->public));
}

static void site_start(struct site *s, size_t number)
{
	struct vpn_setting setting = {
		.workers_n = WORKERS, .peers_max = 16, .staged_max = 8, .mtu = 1280};
	struct vpn_effects effects = {.arg = s,
				      .send = effect_send,
				      .random = effect_random,
				      .wall_ns = effect_wall_ns,
				      .begin = effect_begin,
				      .end = effect_end,
				      .event = effect_event};
	s->other = &sites[1 - number];
	s->at = (struct ip_endpoint){.address = ip_address_v4(192, 0, 2, (uint8_t)(number + 1)),
				     .port = 1000};
	memset(s->private, (int)number + 1, sizeof(s->private));
	crypto_x25519_public(s->private, s->public);
	for (size_t i = 0; i < WORKERS; i++)
		pthread_mutex_init(&s->workers[i], NULL);
	pthread_mutex_init(&s->box.lock, NULL);
	assert_int_equal(vpn_engine_new(&setting, &effects, now_ms, &s->e), OK);
	assert_int_equal(vpn_engine_set_private_key(s->e, now_ms, s->private), OK);
}

static void main_turn(unsigned turn)
{
	for (size_t i = 0; i < 2; i++) {
		struct vpn_counts counts;
		empty_box(&sites[i]);
		vpn_engine_turn(sites[i].e, now_ms);
		if (turn % 8 == i)
			disturb(&sites[i], turn / 8);
		vpn_engine_counts(sites[i].e, &counts);
	}
	now_ms += 97;
}

static void workers_and_main_agree(void **state)
{
	(void)state;
	struct thread threads[WORKERS] = {0};
	for (size_t i = 0; i < 2; i++)
		site_start(&sites[i], i);
	for (size_t i = 0; i < 2; i++)
		(void)meet(&sites[i]);
	working = WORKERS;
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(thread_start(&threads[i], "worker", -1, work, (void *)i), OK);
	unsigned turn = 0;
	while (working)
		main_turn(turn++);
	for (size_t i = 0; i < WORKERS; i++)
		thread_join(&threads[i]);
	assert_int_equal(altered, 0);
	assert_int_equal(twice, 0);
	assert_true(delivered > PACKETS);
	for (size_t i = 0; i < 2; i++) {
		struct vpn_counts counts;
		vpn_engine_counts(sites[i].e, &counts);
		assert_true(counts.handshakes > 1);
		assert_true(counts.dropped[VPN_DROP_REPLAY] > 0);
		assert_true(sites[i].events > 1);
		vpn_engine_free(sites[i].e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(workers_and_main_agree)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
