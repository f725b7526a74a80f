/* The control socket's verbs about flows: a list, who has most, by which forwards, and their end by
 * order. Decides nothing about packets. */
#ifndef NAT_IO_FLOWS_H
#define NAT_IO_FLOWS_H

#include "control/control.h"

/* arg: struct nat. */
void nat_handle_flows(void *arg, const struct control_request *req, struct control_reply *reply);
void nat_handle_flows_end(void *arg, const struct control_request *req,
			  struct control_reply *reply);
void nat_handle_forwards(void *arg, const struct control_request *req, struct control_reply *reply);
void nat_handle_top(void *arg, const struct control_request *req, struct control_reply *reply);

#endif
