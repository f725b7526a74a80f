/* What the files of the control socket's verbs share. Knows no packet. */
#ifndef NAT_IO_CONTROL_H
#define NAT_IO_CONTROL_H

#include "control/control.h"
#include "service/nat/io_nat.h"

void nat_json_set(json_t *object, const char *key, json_t *value);
json_t *nat_json_address(const struct ip_address *a);
/* Without a port where there is none: ICMP's far end, ESP. */
json_t *nat_json_endpoint(const struct ip_endpoint *at);

void nat_handle_explain(void *arg, const struct control_request *req, struct control_reply *reply);

#endif
