#include "proto/dhcp6/auth.h"
#include "proto/dhcp6/fqdn.h"
#include "proto/dhcp6/ia.h"
#include "proto/dhcp6/message.h"
#include "proto/dhcp6/option.h"
#include "proto/dhcp6/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read of an IA, written again and read again, must say the same. */
static void check_ia(const struct dhcp6_option *o)
{
	static uint8_t wire[DHCP6_MESSAGE_MAX * 2];
	struct dhcp6_ia ia, back;
	struct dhcp6_lease l, m;
	struct dhcp6_option again;
	ASSERT(dhcp6_ia_read(o, &ia) == OK);
	struct writer w = writer_of(wire, sizeof(wire));
	size_t at = dhcp6_ia_begin(&w, ia.kind, ia.iaid, ia.t1_s, ia.t2_s);
	struct reader r = reader_of_span(ia.options);
	while (dhcp6_lease_next(&r, ia.kind, &l))
		dhcp6_write_lease(&w, ia.kind, &l, NULL);
	ASSERT(!r.bad);
	dhcp6_option_end(&w, at);
	if (w.bad)
		return; /* statuses of others may be shorter than ours */
	r = reader_of_span(writer_span(&w));
	ASSERT(dhcp6_option_next(&r, &again) && reader_end(&r) == OK);
	ASSERT(dhcp6_ia_read(&again, &back) == OK);
	ASSERT(back.kind == ia.kind && back.iaid == ia.iaid && back.t1_s == ia.t1_s);
	r = reader_of_span(ia.options);
	struct reader s = reader_of_span(back.options);
	while (dhcp6_lease_next(&r, ia.kind, &l)) {
		ASSERT(dhcp6_lease_next(&s, ia.kind, &m));
		ASSERT(ip_prefix_equal(&l.prefix, &m.prefix) && l.valid_s == m.valid_s);
		ASSERT(l.excluded.bits == m.excluded.bits && l.status == m.status);
	}
	ASSERT(!dhcp6_lease_next(&s, ia.kind, &m));
}

static void check_texts(struct span options)
{
	static char text[DHCP6_MESSAGE_MAX * 5];
	struct reader r = reader_of_span(options);
	struct dhcp6_option o;
	while (dhcp6_option_next(&r, &o)) {
		struct writer w = writer_of(text, sizeof(text));
		dhcp6_option_format(o.code, o.body, &w);
		ASSERT(!w.bad);
	}
}

static void check_message(struct span wire)
{
	struct dhcp6_message m;
	struct dhcp6_fqdn f;
	uint64_t replay;
	static const uint8_t key[DHCP6_RECONFIGURE_KEY_LEN];
	if (dhcp6_message_read(wire, &m) != OK)
		return;
	for (unsigned i = 0; i < m.ias_n; i++)
		check_ia(&m.ias[i]);
	check_texts(m.options);
	if (m.auth.len)
		err_ignore(dhcp6_auth_verify(m.wire, m.auth, key, 0, &replay));
	if (m.fqdn.len && dhcp6_fqdn_read(m.fqdn, &f) == OK) {
		uint8_t room[300];
		struct dhcp6_fqdn back;
		struct writer w = writer_of(room, sizeof(room));
		dhcp6_write_fqdn(&w, &f);
		ASSERT(dhcp6_fqdn_read(span_sub(writer_span(&w), 4, w.pos), &back) == OK);
		ASSERT(back.flags == f.flags && back.partial == f.partial);
		ASSERT(dns_name_equal(&back.name, &f.name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t reply[DHCP6_MESSAGE_MAX * 2];
	struct dhcp6_relays relays;
	struct dhcp6_relay outermost;
	struct dhcp6_relay_marks marks;
	struct span wire = span_of(data, size);
	if (size > DHCP6_MESSAGE_MAX)
		return 0;
	err_ignore(dhcp6_relay_read(wire, &outermost));
	if (dhcp6_relays_read(wire, &relays) != OK)
		return 0;
	struct writer w = writer_of(reply, sizeof(reply));
	dhcp6_relays_begin(&w, &relays, &marks);
	dhcp6_write_header(&w, DHCP6_REPLY, 0);
	dhcp6_relays_end(&w, &relays, &marks);
	if (relays.n && !w.bad)
		ASSERT(dhcp6_relay_read(writer_span(&w), &outermost) == OK);
	check_message(relays.message);
	return 0;
}
