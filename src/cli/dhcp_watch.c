/* gatehouse dhcp watch IFACE: every DHCP message on a link, with its fields and options, as it
 * passes. */
#include "cli/commands.h"

#include "cli/ear.h"
#include "cli/print.h"
#include "os/clock.h"
#include "os/netlink.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp/option.h"
#include "proto/ip/address.h"
#include "proto/ip/frame.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SIZE = 8192 };

struct watch {
	const struct command_line *line;
	struct ear ear; /* counts messages */
	struct dhcp_message message;
	uint8_t value[VALUE_SIZE];
};

static const char *address_text(uint32_t a, char buf[IP_ADDRESS_TEXT_MAX])
{
	struct ip_address address = ip_address_v4((uint8_t)(a >> 24), (uint8_t)(a >> 16),
						  (uint8_t)(a >> 8), (uint8_t)a);
	(void)ip_address_format(&address, buf);
	return buf;
}

static const char *mac_text(struct span mac, char buf[64])
{
	struct writer w = writer_of(buf, 63);
	for (size_t i = 0; i < mac.len; i++)
		write_format(&w, i ? ":%02x" : "%02x", mac.data[i]);
	buf[w.pos] = '\0';
	return buf;
}

/* The value as text, escaped, in w->value. */
static struct span option_text(struct watch *w, uint8_t code, struct span value)
{
	struct writer text = writer_of(w->value, VALUE_SIZE);
	dhcp_option_format(code, value, &text);
	return text.bad ? span_text("(too long to show)") : writer_span(&text);
}

static const char *type_text(const struct dhcp_message *m)
{
	const char *name = dhcp_type_name(m->type);
	return name ? name : "UNKNOWN";
}

static void addresses_print(const struct dhcp_head *h)
{
	char text[IP_ADDRESS_TEXT_MAX], mac[64];
	const struct {
		const char *name;
		uint32_t address;
	} fields[] = {{"ciaddr", h->ciaddr},
		      {"yiaddr", h->yiaddr},
		      {"siaddr", h->siaddr},
		      {"giaddr", h->giaddr}};

	(void)printf("    chaddr %s", mac_text(dhcp_head_chaddr(h), mac));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].address)
			(void)printf("  %s %s", fields[i].name,
				     address_text(fields[i].address, text));
	(void)printf("\n");
}

static void message_print(struct watch *w, const struct ip_packet *p, const struct ip_udp *u)
{
	const struct dhcp_message *m = &w->message;
	char from[IP_ADDRESS_TEXT_MAX], to[IP_ADDRESS_TEXT_MAX], name[DHCP_OPTION_NAME_MAX];

	(void)printf("%s%-9s%s %s:%u -> %s:%u  xid 0x%08" PRIx32 "  secs %u%s\n",
		     print_style_on(w->line->colour, PRINT_BOLD), type_text(m),
		     print_style_off(w->line->colour, PRINT_BOLD), address_text(p->source, from),
		     u->source_port, address_text(p->destination, to), u->destination_port,
		     m->head.xid, m->head.secs,
		     m->head.flags & DHCP_FLAG_BROADCAST ? "  broadcast" : "");
	addresses_print(&m->head);
	for (unsigned i = 0; i < m->options_len; i++) {
		uint8_t code;
		struct span value = dhcp_message_option_at(m, i, &code);
		struct span text = option_text(w, code, value);
		(void)printf("    %3u %-26s %.*s\n", code, dhcp_option_name(code, name),
			     (int)text.len, (const char *)text.data);
	}
	(void)printf("\n");
}

static void message_json(struct watch *w, const struct ip_packet *p)
{
	const struct dhcp_message *m = &w->message;
	char from[IP_ADDRESS_TEXT_MAX], to[IP_ADDRESS_TEXT_MAX], ci[IP_ADDRESS_TEXT_MAX],
		yi[IP_ADDRESS_TEXT_MAX], si[IP_ADDRESS_TEXT_MAX], gi[IP_ADDRESS_TEXT_MAX], mac[64],
		name[DHCP_OPTION_NAME_MAX];
	json_t *options = json_object();

	for (unsigned i = 0; i < m->options_len; i++) {
		uint8_t code;
		struct span value = dhcp_message_option_at(m, i, &code);
		struct span text = option_text(w, code, value);
		json_object_set_new(options, dhcp_option_name(code, name),
				    json_stringn((const char *)text.data, text.len));
	}
	json_t *object = json_pack(
		"{s:s,s:s,s:s,s:I,s:i,s:b,s:s,s:s,s:s,s:s,s:s,s:o}", "type", type_text(m), "from",
		address_text(p->source, from), "to", address_text(p->destination, to), "xid",
		(json_int_t)m->head.xid, "secs", (int)m->head.secs, "broadcast",
		(m->head.flags & DHCP_FLAG_BROADCAST) != 0, "chaddr",
		mac_text(dhcp_head_chaddr(&m->head), mac), "ciaddr",
		address_text(m->head.ciaddr, ci), "yiaddr", address_text(m->head.yiaddr, yi),
		"siaddr", address_text(m->head.siaddr, si), "giaddr",
		address_text(m->head.giaddr, gi), "options", options);
	(void)json_dumpf(object, stdout, JSON_COMPACT);
	(void)fputc('\n', stdout);
	json_decref(object);
}

static bool packet_show(void *arg, const struct packet_received *r)
{
	struct watch *w = arg;
	struct ip_packet p;
	struct ip_udp u;

	if (ip_packet_read(span_of(w->ear.packet, r->len), &p) ||
	    ip_udp_read(&p, !r->checksum_pending, &u))
		return false;
	if (dhcp_message_read(u.payload, &w->message)) {
		if (!w->line->json)
			(void)printf("(a message of %zu octets that is not DHCP)\n\n",
				     u.payload.len);
		return false;
	}
	if (w->line->json)
		message_json(w, &p);
	else
		message_print(w, &p, &u);
	(void)fflush(stdout);
	return true;
}

static enum err watch(struct watch *w)
{
	uint32_t ifindex;

	TRY(link_index(w->line->arguments[0], &ifindex));
	TRY(packet_open(&w->ear.fd));
	TRY(packet_watch_udp4(w->ear.fd, ifindex, DHCP_PORT_SERVER, DHCP_PORT_CLIENT));
	if (!w->line->json)
		(void)fprintf(stderr, "Watching %s; Ctrl-C ends it.\n", w->line->arguments[0]);
	return ear_run(&w->ear);
}

static int watch_run(const struct command_line *line)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return command_fail(NULL, "%s", err_text(ENOMEM));
	w->line = line;
	if (!ear_init(&w->ear, line, packet_show, w)) {
		free(w);
		return command_misused(NULL, "--count and --seconds take whole numbers");
	}
	enum err e = watch(w);
	bool missed = ear_done(&w->ear);
	free(w);
	if (e)
		return command_fail(e == (enum err)EPERM ? "Run it as root." : NULL, "%s: %s",
				    line->arguments[0], err_text(e));
	return missed ? EXIT_FAILED : EXIT_OK;
}

static const struct command_option watch_options[] = {
	{"count", 'n', "N", "end after that many messages; exit with 1 when they did not come"},
	{"seconds", 0, "S", "end after that time"},
};

const struct command dhcp_watch_verb = {
	.name = "watch",
	.within = "dhcp",
	.arguments = "IFACE",
	.summary = "Show every DHCP message on a link with its fields and options",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = watch_options,
	.options_n = sizeof(watch_options) / sizeof(watch_options[0]),
	.run = watch_run,
};
