/* Any octets as what comes to a site that has sessions: whole datagrams, real ones with octets
 * changed, real ones again, time. Whatever comes, nothing that was not sent arrives inside, nothing
 * arrives twice, and strangers get no answer.
 *
 * Each step: an octet that says what, then for RAW a length and so many octets, for CHANGED a
 * position and a value, for TIME a number of seconds. */
#include "base/reader.h"
#include "proto/wireguard/message.h"
#include "service/vpn/tunnel/site_test.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW, CHANGED, AGAIN, DATA, TIME, LOAD, RESTART, STEPS };
enum { STEPS_MAX = 60 };

static struct wire_datagram kept; /* of a, to b: the last one */
static struct ip_endpoint stranger;

static void ask(bool fact)
{
	if (!fact)
		abort();
}

/* What b got is what a sent, once: each packet is filled with its number. */
static void check_inbox(struct site *b, bool *seen)
{
	for (size_t i = 0; i < b->inbox_n; i++) {
		const struct inbox_packet *in = &b->inbox[i];
		uint8_t fill = in->bytes[in->len - 1];
		uint8_t want[100];
		ask(in->len == packet_make(want, 1, 2, 100, fill) &&
		    memcmp(want, in->bytes, in->len) == 0);
		ask(!seen[fill]);
		seen[fill] = true;
	}
	b->inbox_n = 0;
}

static void from_stranger(struct wire *w, struct site *b, struct span datagram)
{
	size_t queued = w->queue_n;
	site_take(b, &stranger, 0, datagram);
	for (size_t i = queued; i < w->queue_n; i++)
		ask(!ip_endpoint_equal(&w->queue[i].to, &stranger) ||
		    w->queue[i].bytes[0] == WG_COOKIE_REPLY);
}

static void send_data(struct wire *w, uint8_t fill)
{
	site_send(&w->sites[0], 2, fill);
	if (w->queue_n)
		kept = w->queue[w->queue_n - 1];
	wire_run(w);
}

static void change(struct wire *w, struct site *b, uint16_t at, uint8_t value)
{
	struct wire_datagram d = kept;
	if (!d.len)
		return;
	d.bytes[at % d.len] ^= value;
	size_t before = b->inbox_n;
	site_take(b, &stranger, 0, span_of(d.bytes, d.len));
	ask(b->inbox_n == before);
	(void)w;
}

static void step(struct wire *w, struct reader *r, uint8_t *fill, bool *seen)
{
	struct site *b = &w->sites[1];
	switch (read_u8(r) % STEPS) {
	case RAW: from_stranger(w, b, read_span(r, read_u8(r))); break;
	case CHANGED: {
		uint16_t at = read_u16(r);
		uint8_t value = read_u8(r);
		change(w, b, at, value);
		break;
	}
	case AGAIN: site_take(b, &w->sites[0].at, 0, span_of(kept.bytes, kept.len)); break;
	case DATA: send_data(w, (*fill)++); break;
	case TIME: wire_run_until(w, w->now_ms + read_u8(r) * 1000u); break;
	case LOAD: vpn_plane_note_load(vpn_engine_plane(b->e, 0), w->now_ms); break;
	case RESTART:
		check_inbox(b, seen);
		site_restart(b);
		/* Its guard is gone: what it knew it may accept once more. */
		kept.len = 0;
		break;
	}
	wire_run(w);
	check_inbox(b, seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	struct wire *w = wire_new(2);
	bool seen[256] = {false};
	uint8_t fill = 0;
	stranger = (struct ip_endpoint){.address = ip_address_v4(203, 0, 113, 9), .port = 9};
	kept.len = 0;
	send_data(w, fill++);
	for (int i = 0; i < STEPS_MAX && reader_left(&r); i++)
		step(w, &r, &fill, seen);
	wire_free(w);
	return 0;
}
