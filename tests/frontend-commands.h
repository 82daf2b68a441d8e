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


#ifndef FRONTEND_COMMANDS_H
#define FRONTEND_COMMANDS_H 1

/* unixctl commands of test-frontend. */

#include <stdbool.h>

struct guest;
struct unixctl_conn;

/* Frames: send, receive, ping, stream, count. */
void frontend_commands_init(struct guest *);
void frontend_commands_run(struct guest *);
void frontend_commands_wait(struct guest *);

/* Connection, rings and memory. */
void frontend_control_init(struct guest *);

/* Misdeeds: in rings, and in messages. */
void frontend_deviate_init(struct guest *);
void frontend_offend_init(struct guest *);

/* Options of a command: each call takes one option "-X VALUE" off the front of
 * 'argv' (whose element 0 means nothing) and returns X, with VALUE in
 * '*value', or 0 if there is none left, or '?' after an answer that complains
 * about one that is not among 'letters'. */
int command_option(int *argcp, const char ***argvp, const char *letters,
                   const char **value, struct unixctl_conn *);

/* Parses unsigned decimal 's' of at most 'max'; if it is not, answers with a
 * complaint that calls it 'what' and returns false. */
bool command_number(const char *s, unsigned int max, const char *what,
                    unsigned int *value, struct unixctl_conn *);

/* Answers with what the front end says about 'error', or with "ok". */
void command_result(struct unixctl_conn *, const struct guest *, int error);

#endif /* frontend-commands.h */
