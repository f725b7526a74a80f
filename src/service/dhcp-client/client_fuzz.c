/* Any steps of time, link and servers against an uplink: messages as they are, or made to look like
 * answers to its own. What is in force is always a lease that makes sense and is not over; the file
 * of a lease and the text of resolv.conf hold whatever a server says. */
#include "service/dhcp-client/resolv.h"
#include "service/dhcp-client/setting.h"
#include "service/dhcp-client/world_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 64, XID_AT = 4, MAC_AT = 28 };

enum step {
	STEP_DATAGRAM,
	STEP_ANSWER, /* with our xid and link address */
	STEP_TIME,
	STEP_LINK,
	STEP_ARP,
	STEP_ORDER,
	STEPS,
};

static void check(const struct world *w)
{
	const struct uplink *u = &w->u;
	ASSERT(u->has_lease == w->is_set);
	ASSERT(!w->is_set || (w->set.address == u->lease.address && w->now_ms < u->end_ms));
	ASSERT(!w->is_set || lease_address_is_host(w->set.address));
	ASSERT(!w->is_set || (w->set.lease_s >= LEASE_MIN_S && w->is_stored));
	ASSERT(u->state == UPLINK_DOWN || u->state == UPLINK_IDLE || uplink_next_ms(u) > w->now_ms);
}

/* What becomes of a lease behind the engine. */
static void use(const struct lease *l)
{
	static uint8_t text[LEASE_FILE_MAX], room[DHCP_MESSAGE_MAX];
	static struct setting s;
	struct resolv resolv = {0};
	struct lease_file f = {.message = span_of(l->message, l->message_len)}, back;
	struct writer w = writer_of(text, sizeof(text));
	lease_file_write(&f, &w);
	ASSERT(writer_check(&w) == OK);
	ASSERT(lease_file_read(writer_span(&w), room, &back) == OK);
	ASSERT(span_equal(back.message, f.message));
	setting_of(l, true, true, &s);
	ASSERT(s.routes_n <= l->routes_n);
	w = writer_of(text, RESOLV_TEXT_MAX);
	resolv_add_lease(&resolv, l);
	resolv_text(&resolv, &w);
	ASSERT(writer_check(&w) == OK);
	for (size_t i = 0; i < w.pos; i++)
		ASSERT(text[i] == '\n' || (text[i] >= ' ' && text[i] < 127));
}

static void answer(struct world *w, struct span bytes)
{
	static uint8_t room[DHCP_MESSAGE_MAX];
	size_t n = bytes.len < sizeof(room) ? bytes.len : sizeof(room);
	if (n < MAC_AT + IP_MAC_LEN)
		return;
	memcpy(room, bytes.data, n);
	room[0] = DHCP_OP_REPLY;
	room[1] = DHCP_HTYPE_ETHERNET;
	room[2] = IP_MAC_LEN;
	put_u32(room + XID_AT, w->u.xid);
	memcpy(room + MAC_AT, world_mac, IP_MAC_LEN);
	uplink_receive(&w->u, w->now_ms, span_of(room, n));
}

static void arp(struct world *w, struct reader *r)
{
	uint8_t kind = read_u8(r);
	uint32_t address = kind & 1 ? w->u.last : read_u32(r);
	world_arp(w, kind & 2 ? IP_ARP_REQUEST : IP_ARP_REPLY,
		  kind & 4 ? world_mac : world_stranger, kind & 8 ? 0 : address, address);
}

static void step(struct world *w, struct reader *r)
{
	struct span bytes;
	uint8_t order;
	switch (read_u8(r) % STEPS) {
	case STEP_DATAGRAM:
		bytes = read_span(r, read_u16(r));
		uplink_receive(&w->u, w->now_ms, bytes);
		break;
	case STEP_ANSWER:
		bytes = read_span(r, read_u16(r));
		answer(w, bytes);
		break;
	case STEP_TIME: world_run(w, read_u16(r) * UINT64_C(100)); break;
	case STEP_LINK: uplink_link(&w->u, w->now_ms, read_u8(r) & 1); break;
	case STEP_ARP: arp(w, r); break;
	default:
		order = read_u8(r);
		err_ignore(order % 4 ? uplink_renew(&w->u, w->now_ms)
				     : uplink_release(&w->u, w->now_ms));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t room[DHCP_MESSAGE_MAX];
	struct lease_file f;
	struct reader r = reader_of(data, size);
	struct world *w = world_new(read_u8(&r));
	uint8_t flags = read_u8(&r);
	w->rules.rapid_commit = flags & 1;
	w->rules.ipv6_only = flags & 2;
	w->rules.keep_unconfirmed = flags & 4;
	w->rules.probing.probes = flags & 8 ? 0 : 2;
	for (int i = 0; i < STEPS_MAX && reader_left(&r) && !r.bad; i++) {
		w->sent_n = w->sent_n > WORLD_SENT_MAX / 2 ? 1 : w->sent_n;
		w->arps_n = w->arps_n > WORLD_SENT_MAX / 2 ? 0 : w->arps_n;
		step(w, &r);
		check(w);
		if (w->is_set)
			use(&w->set);
	}
	err_ignore(lease_file_read(span_of(data, size), room, &f));
	world_free(w);
	return 0;
}
