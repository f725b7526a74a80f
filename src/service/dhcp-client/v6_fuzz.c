/* The DHCPv6 client of an uplink, fed by servers that may say anything: datagrams one after
 * another, each behind two octets of length, with time between them; and what it stored, read back.
 */
#include "service/dhcp-client/v6.h"

#include "base/reader.h"
#include "base/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct uplink6 u, other;
	uint64_t now_ms;
	uint32_t transaction_id;
	uint8_t stored[UPLINK6_STORED_MAX];
	size_t stored_len;
} f;

static void on_send(void *arg, struct span message)
{
	struct dhcp6_message m;
	(void)arg;
	ASSERT(dhcp6_message_read(message, &m) == OK);
	f.transaction_id = m.transaction_id;
}

static void on_set(void *arg, const struct uplink6 *u)
{
	(void)arg;
	for (size_t i = 0; i < u->leases_n; i++)
		ASSERT((u->leases[i].kind == DHCP6_IA_PD) == (u->leases[i].prefix.bits < 128));
}

static void on_store(void *arg, struct span lease)
{
	struct writer w = writer_of(f.stored, sizeof(f.stored));
	(void)arg;
	write_span(&w, lease);
	ASSERT(!w.bad);
	f.stored_len = w.pos;
}

static void on_event(void *arg, const struct uplink6_event *e)
{
	(void)arg;
	ASSERT(e->state < UPLINK6_STATES && e->cause < UPLINK6_CAUSES);
}

/* What they say is about our message, whatever the fuzzer wrote there. */
static void receive(struct span packet)
{
	static const struct ip_address from = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}};
	uint8_t copy[2048];
	struct writer w = writer_of(copy, sizeof(copy));
	if (packet.len < DHCP6_HEADER_LEN || packet.len > sizeof(copy))
		return;
	dhcp6_write_header(&w, packet.data[0], f.transaction_id);
	write_span(&w, span_sub(packet, DHCP6_HEADER_LEN, packet.len));
	uplink6_receive(&f.u, f.now_ms, &from, packet.data[1] & 1, writer_span(&w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct uplink6_effects effects = {
		.send = on_send, .set = on_set, .store = on_store, .event = on_event};
	static const uint8_t duid[10] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1}, seed[16];
	struct uplink6_rules rules = {.duid = span_of(duid, sizeof(duid)),
				      .iaid = 1,
				      .address = true,
				      .prefix = true,
				      .rapid_commit = true,
				      .reconfigure = true};
	struct reader r = reader_of(data, size);
	f.now_ms = 1800000000000;
	f.stored_len = 0;
	uplink6_init(&f.u, &rules, seed, &effects);
	uplink6_link(&f.u, f.now_ms, true);
	while (reader_left(&r) > 3) {
		uint16_t len = read_u16(&r);
		uint8_t wait = read_u8(&r);
		f.now_ms += wait * 500u;
		uplink6_turn(&f.u, f.now_ms);
		receive(read_span(&r, len < reader_left(&r) ? len : reader_left(&r)));
		for (size_t i = 0; i < f.u.leases_n; i++)
			ASSERT(f.u.leases[i].valid_until_ms > f.now_ms);
	}
	uplink6_init(&f.other, &rules, seed, &effects);
	if (f.stored_len && f.u.leases_n)
		ASSERT(uplink6_restore(&f.other, f.now_ms, span_of(f.stored, f.stored_len)) == OK);
	uplink6_init(&f.other, &rules, seed, &effects);
	err_ignore(uplink6_restore(&f.other, f.now_ms, span_of(data, size)));
	return 0;
}
