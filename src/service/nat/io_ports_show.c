/* What the control socket tells of opened ports. */
#include "base/writer.h"
#include "service/nat/io_ports.h"

#include <string.h>

static const char *protocol_name(uint8_t protocol)
{
	return protocol == PORTCTL_TCP ? "tcp" : "udp";
}

static json_t *endpoint_json(const struct ip_endpoint *e)
{
	char text[IP_ENDPOINT_TEXT_MAX];
	ip_endpoint_format(e, text);
	return json_string(text);
}

static json_t *filters_json(const struct portctl_mapping *m)
{
	json_t *list = json_array();
	for (size_t i = 0; i < m->filters_n; i++) {
		char text[IP_PREFIX_TEXT_MAX];
		ip_prefix_format(&m->filters[i].remote, text);
		json_array_append_new(
			list, json_pack("{s:s,s:i}", "from", text, "port", m->filters[i].port));
	}
	return list;
}

json_t *ports_io_mapping(const struct portctl_mapping *m, uint64_t now_ms)
{
	json_t *o = json_pack("{s:s,s:s,s:o,s:o,s:I,s:s}", "by", portctl_origin_name(m->origin),
			      "protocol", protocol_name(m->protocol), "external",
			      endpoint_json(&m->external), "internal", endpoint_json(&m->internal),
			      "left_s", (json_int_t)portctl_left_s(m, now_ms), "zone", m->zone);
	if (m->remote.address.family)
		json_object_set_new(o, "remote", endpoint_json(&m->remote));
	if (m->filters_n)
		json_object_set_new(o, "allowed", filters_json(m));
	if (m->description[0]) /* json_string refuses what is no UTF-8 */
		json_object_set_new(o, "description", json_string(m->description));
	return o;
}

json_t *ports_io_list(const struct ports_io *io, size_t max, size_t *ret_more)
{
	json_t *list = json_array();
	const struct portctl_mapping *m;
	*ret_more = 0;
	for (size_t at = 0; io->list && (m = portctl_next(io->list, &at));) {
		if (json_array_size(list) == max)
			++*ret_more;
		else
			json_array_append_new(list, ports_io_mapping(m, loop_now_ms(io->loop)));
	}
	return list;
}

enum err ports_io_revoke(struct ports_io *io, const char *protocol, const char *internal)
{
	struct ip_endpoint at;
	bool tcp = strcmp(protocol, "tcp") == 0;
	const struct portctl_mapping *m;
	if ((!tcp && strcmp(protocol, "udp") != 0) ||
	    ip_endpoint_parse(span_text(internal), 0, &at))
		return ERR_FORMAT;
	for (size_t i = 0; io->list && (m = portctl_next(io->list, &i));)
		if (m->protocol == (tcp ? PORTCTL_TCP : PORTCTL_UDP) &&
		    ip_endpoint_equal(&m->internal, &at)) {
			portctl_revoke(io->list, loop_now_ms(io->loop), m);
			ports_io_changed(io);
			return OK;
		}
	return ERR_ABSENT;
}

static void metric(struct writer *w, const char *name, const char *type, const char *help)
{
	write_format(w, "# HELP gatehouse_%s %s\n# TYPE gatehouse_%s %s\n", name, help, name, type);
}

void ports_io_metrics(const struct ports_io *io, struct writer *w)
{
	if (!io->list)
		return;
	metric(w, "nat_ports", "gauge", "ports that hosts inside have opened");
	write_format(w,
		     "gatehouse_nat_ports{service=\"nat\",family=\"ipv4\"} %zu\n"
		     "gatehouse_nat_ports{service=\"nat\",family=\"ipv6\"} %zu\n",
		     portctl_used(io->list, 4), portctl_used(io->list, 6));
	metric(w, "nat_ports_asks_total", "counter", "how hosts' asks for ports ended");
	for (int o = 0; o < PORTCTL_ORIGINS; o++)
		for (int v = 0; v < PORTCTL_VERDICTS; v++)
			write_format(w,
				     "gatehouse_nat_ports_asks_total{service=\"nat\",by=\"%s\",end="
				     "\"%s\"} %llu\n",
				     portctl_origin_name((enum portctl_origin)o),
				     portctl_verdict_name((enum portctl_verdict)v),
				     (unsigned long long)portctl_count(io->list,
								       (enum portctl_origin)o,
								       (enum portctl_verdict)v));
	metric(w, "nat_pcp_answers_total", "counter", "answers of PCP by result code");
	for (int r = 0; r < PCP_RESULTS; r++)
		write_format(
			w, "gatehouse_nat_pcp_answers_total{service=\"nat\",result=\"%s\"} %llu\n",
			pcp_result_name((enum pcp_result)r),
			(unsigned long long)io->pcp.pcp_answers[r]);
	metric(w, "nat_ports_strangers_total", "counter",
	       "datagrams and connections from where no host inside is");
	write_format(w, "gatehouse_nat_ports_strangers_total{service=\"nat\"} %llu\n",
		     (unsigned long long)io->strangers);
}
