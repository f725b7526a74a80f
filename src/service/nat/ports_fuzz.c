/* Datagrams of two hosts, time, losses and restarts, in any order: list and data plane must agree
 * after each, and no limit is passed. */
#include "base/reader.h"
#include "base/writer.h"
#include "service/nat/pcp.h"
#include "service/nat/ports_world_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 64, SAVED_MAX = 65536 };

/* An octet each; what follows it is said beside it. */
enum step {
	DATAGRAM, /* host, length (2), octets */
	TIME,	  /* seconds (2) */
	OUTSIDE,  /* last octet of the address outside; 0: none */
	PLANE,	  /* what the data plane will answer */
	RESTART,  /* 0: killed, else ended; seconds (2) */
	STEPS,
};

static void restart(struct world *w, struct pcp_server *s, uint64_t now_ms, struct reader *r)
{
	static uint8_t room[SAVED_MAX];
	struct writer text = writer_of(room, sizeof(room));
	bool whole = read_u8(r);
	ASSERT(portctl_save_max(w->list) <= sizeof(room));
	portctl_save(w->list, now_ms, 1000000, whole, &text);
	ASSERT(!text.bad);
	uint32_t epoch_s = portctl_epoch_s(w->list, now_ms);
	size_t used = portctl_used(w->list, 4) + portctl_used(w->list, 6), losses = w->losses;
	uint64_t away_s = read_u16(r);
	world_restart(w, now_ms);
	s->list = w->list;
	ASSERT(portctl_restore(w->list, now_ms, 1000000 + away_s, writer_span(&text)) == OK);
	if (whole && w->losses == losses)
		ASSERT(portctl_epoch_s(w->list, now_ms) == (uint32_t)(epoch_s + away_s));
	else
		ASSERT(portctl_epoch_s(w->list, now_ms) == 0);
	ASSERT(portctl_used(w->list, 4) + portctl_used(w->list, 6) <= used);
	/* What the list does not know any more, the service closes. */
	for (size_t i = w->open_n; i-- > 0;)
		if (!portctl_find(w->list, w->open[i].protocol, &w->open[i].internal,
				  &w->open[i].remote))
			w->open[i] = w->open[--w->open_n];
}

static void datagram(struct pcp_server *s, uint64_t now_ms, struct reader *r)
{
	static const char *const hosts[] = {"192.168.1.5", "192.168.1.6", "2001:db8::5",
					    "10.0.0.1"};
	uint8_t room[PCP_MESSAGE_MAX];
	struct pcp_arrival a = {.source = world_endpoint(hosts[read_u8(r) % 4]), .zone = "lan"};
	struct writer w = writer_of(room, sizeof(room));
	struct span in = read_span(r, read_u16(r));
	pcp_server_receive(s, now_ms, &a, in, &w);
	ASSERT(!w.bad);
	/* No request is answered by much more than it was. */
	ASSERT(w.pos <= (in.len < PCP_HEADER_LEN ? PCP_HEADER_LEN : in.len + 3));
}

static void plane(struct world *w, uint8_t what)
{
	w->open_fails = what & 1 ? ERR_LIMIT : OK;
	w->renew_fails = what & 2 ? ERR_ABSENT : OK;
	w->refuses_peers = what & 4;
	w->refuses_nat64 = what & 8;
	w->rules.third_party_n = what & 16 ? 1 : 0;
	w->taken = what & 32 ? 8443 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;
	struct reader r = reader_of(data, size);
	uint64_t now_ms = WORLD_NOW_MS;
	world_begin(&w);
	w.third = w.hosts[0];
	struct pcp_server s = {.list = w.list, .pcp = true, .nat_pmp = true};
	for (size_t i = 0; i < STEPS_MAX && reader_left(&r); i++) {
		uint8_t octet;
		switch ((enum step)(read_u8(&r) % STEPS)) {
		case DATAGRAM: datagram(&s, now_ms, &r); break;
		case TIME:
			now_ms += UINT64_C(1000) * read_u16(&r);
			portctl_advance(w.list, now_ms);
			break;
		case OUTSIDE:
			octet = read_u8(&r);
			w.outside4 =
				octet ? ip_address_v4(203, 0, 113, octet) : (struct ip_address){0};
			portctl_outside_changed(w.list, now_ms, 4);
			break;
		case PLANE: plane(&w, read_u8(&r)); break;
		default: restart(&w, &s, now_ms, &r); break;
		}
		ASSERT(world_agrees(&w));
		ASSERT(portctl_used(w.list, 4) <= w.rules.mappings_max);
		ASSERT(portctl_next_ms(w.list) > now_ms);
	}
	world_end(&w);
	return 0;
}
