/*
 * Copyright (c) 2026 The ovs-vring authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */


#ifndef DPDK_LOG_H
#define DPDK_LOG_H 1

/* EAL's log
 * =========
 *
 * DPDK's messages go to Open vSwitch's log, each at the level that matches
 * its own, and their levels are set by
 *
 *     ovs-appctl dpdk/log-list
 *     ovs-appctl dpdk/log-set [level | pattern:level]...
 *
 * Thread-safety: dpdk_log_open() and dpdk_log_register() are for the main
 * thread; messages come from any thread. */

#include <stdbool.h>
#include <stdio.h>

struct unixctl_conn;
struct vlog_module;

bool dpdk_log_open(const struct vlog_module *);
void dpdk_log_register(void);
char *dpdk_log_last_errors(void);

void dpdk_unixctl_dump(struct unixctl_conn *, int argc, const char *argv[],
                       void *dump);

#endif /* dpdk-log.h */
