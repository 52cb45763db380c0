(* The witnesses of fwp/terms/structure.py as certificates: that a rate is of low rank, one-sided, or a read-out, with the
   terms that Python found, is checked here by `equal`, and a check that succeeds implies the equation that
   fwp/terms/witness.py states, for every size, every environment and every value of the state. *)
From Coq Require Import Reals QArith Qreals String Bool Arith Lia Lra FunctionalExtensionality List.
From Fwp Require Import Tensor Primitives Core Monomials Equality.
Import ListNotations.
Open Scope R_scope.

(* One outer product: rate · (value − W @ read) ⊗ write. *)
Record outer_product := Write { w_rate : term; w_value : option term; w_read : option term; w_write : term }.

Section Certificates.
Variable c : classes.
Variable x : string. (* the state's name, its axes, and the one that is read and written along *)
Variable axes : list axis.
Variable along : axis.

Definition state : term := Var x axes State axes.
Definition outputs : list axis := filter (fun a => negb (String.eqb a along)) axes.
Definition negative (t : term) : term := Scale (-1) t (axes_of t).
Definition recalled (read : term) : term := Product [state; read] outputs.
Definition list_of {A : Type} (o : option A) : list A := match o with Some a => [a] | None => [] end.

Definition error (w : outer_product) : term :=
  Sum (list_of (w_value w) ++ map (fun t => negative (recalled t)) (list_of (w_read w))) outputs.
Definition written (w : outer_product) : term := Product [w_rate w; error w; w_write w] axes.
Definition decayed (d : term) : term := negative (Product [d; state] axes).
Definition reconstructed (decay : option term) (ws : list outer_product) : term :=
  Sum (map decayed (list_of decay) ++ map written ws) axes.

(* The term has these axes, and the state is not in it. *)
Definition free (a : list axis) (t : term) : bool :=
  has_axes a (infer t) && is_constant (OfVariable x) t.
Definition good (w : outer_product) : bool :=
  free [] (w_rate w) && forallb (free outputs) (list_of (w_value w))
  && forallb (fun t => free [along] t && axes_eqb (bound [state; t] outputs) [along]) (list_of (w_read w))
  && free [along] (w_write w) && axes_eqb (bound [w_rate w; error w; w_write w] axes) [].

Definition low_rank (decay : option term) (ws : list outer_product) (rate : term) : bool :=
  forallb (fun d => free [] d && axes_eqb (bound [d; state] axes) []) (list_of decay)
  && forallb good ws && equal c rate (reconstructed decay ws).

Definition one_sided (other : axis) (generator : term) (offset : option term) (rate : term) : bool :=
  let moved := map (fun a => if String.eqb a along then other else a) axes in
  free [other; along] generator && forallb (free axes) (list_of offset)
  && axes_eqb (bound [Var x axes State moved; generator] axes) [other] && negb (mem other axes)
  && equal c rate (Sum (Product [Var x axes State moved; generator] axes :: list_of offset) axes).

Variable size : axis -> nat.
Hypothesis sizes : respects c size.

(* The environment in which the state has the value W. *)
Definition with_state (E : environment) (W : list nat -> R) : environment :=
  fun r y l => if String.eqb y x then match r with State => W l | _ => E r y l end else E r y l.

Lemma free_value : forall E W a t, free a t = true ->
  forall i, eval size (with_state E W) t i = eval size E t i.
Proof.
  intros E W a t H i. apply andb_prop in H as [_ H]. apply (constant_sound size _ t H).
  intros r y l C. unfold with_state. simpl in C. now rewrite C.
Qed.

Lemma state_value : forall E W i, eval size (with_state E W) state i = W (map i axes).
Proof. intros. simpl. unfold with_state. now rewrite String.eqb_refl. Qed.

Definition sum_options {A : Type} (f : A -> R) (o : option A) : R := match o with Some a => f a | None => 0 end.

Lemma minus_one : forall y, Q2R (-1) * y = - y.
Proof. intros. unfold Q2R. simpl. field. Qed.

Lemma recalled_value : forall E W t, free [along] t = true -> axes_eqb (bound [state; t] outputs) [along] = true ->
  forall i, eval size (with_state E W) (recalled t) i
  = sum (size along) (fun n => W (map (set i along n) axes) * eval size E t (set i along n)).
Proof.
  intros E W t F B i. apply axes_eqb_eq in B. unfold recalled. cbn [eval]. rewrite B. cbn [sum_over]. apply sum_ext.
  intros n _. cbn [map product_of fold_right]. rewrite (free_value E W [along] t F).
  change (eval size (with_state E W) state (set i along n) * (eval size E t (set i along n) * 1)
    = W (map (set i along n) axes) * eval size E t (set i along n)).
  rewrite state_value. ring.
Qed.

Lemma written_value : forall E W w, good w = true -> forall i, eval size (with_state E W) (written w) i
  = eval size E (w_rate w) i
    * (sum_options (fun t => eval size E t i) (w_value w)
       - sum_options (fun t => sum (size along) (fun n => W (map (set i along n) axes) * eval size E t (set i along n)))
           (w_read w))
    * eval size E (w_write w) i.
Proof.
  intros E W w G i. unfold good in G. do 4 (apply andb_prop in G as [G ?]).
  match goal with X : axes_eqb _ [] = true |- _ => apply axes_eqb_eq in X; rename X into B end.
  unfold written. cbn [eval]. rewrite B. cbn [sum_over map product_of fold_right].
  rewrite (free_value E W [] (w_rate w)), (free_value E W [along] (w_write w)) by assumption.
  rewrite Rmult_1_r, Rmult_assoc. f_equal. f_equal. unfold error. cbn [eval].
  destruct (w_value w) as [v|], (w_read w) as [t|]; cbn [list_of app map sum_of fold_right sum_options forallb] in *;
    repeat match goal with X : _ && _ = true |- _ => apply andb_prop in X as [? ?] end;
    try (unfold negative; cbn [eval]; rewrite minus_one, recalled_value by assumption);
    try rewrite (free_value E W outputs v) by assumption; ring.
Qed.

(* low_rank decay ws rate ⇒ rate(W) = −decay W + Σ rate (value − W @ read) ⊗ write, and no witness depends on W. *)
Theorem low_rank_sound : forall decay ws rate, low_rank decay ws rate = true ->
  forall E W i, (forall a, In a axes -> (i a < size a)%nat) -> eval size (with_state E W) rate i
  = - sum_options (fun d => eval size E d i) decay * W (map i axes)
    + sum_of (map (fun w =>
        eval size E (w_rate w) i
        * (sum_options (fun t => eval size E t i) (w_value w)
           - sum_options (fun t => sum (size along)
               (fun n => W (map (set i along n) axes) * eval size E t (set i along n))) (w_read w))
        * eval size E (w_write w) i) ws).
Proof.
  intros decay ws rate H E W i L. unfold low_rank in H. apply andb_prop in H as [H Q].
  apply andb_prop in H as [D G]. rewrite (equal_sound c size (with_state E W) sizes _ _ Q i)
    by (rewrite (equal_axes _ _ _ Q); exact L).
  unfold reconstructed. cbn [eval]. rewrite map_app, !map_map.
  assert (A : forall l k, sum_of (l ++ k) = sum_of l + sum_of k).
  { intros l k. induction l as [|y l IH]; simpl; [ring|]. rewrite IH. ring. }
  rewrite A. f_equal.
  - destruct decay as [d|]; cbn [list_of map sum_of fold_right sum_options forallb] in *; [|ring].
    apply andb_prop in D as [D _]. apply andb_prop in D as [F B]. apply axes_eqb_eq in B.
    unfold decayed, negative. cbn [eval axes_of]. rewrite B, minus_one. cbn [sum_over map product_of fold_right].
    rewrite (free_value E W [] d F).
    change (- (eval size E d i * (eval size (with_state E W) state i * 1)) + 0 = - eval size E d i * W (map i axes)).
    rewrite state_value. ring.
  - f_equal. apply map_ext_in. intros w I. rewrite forallb_forall in G. now apply written_value, G.
Qed.

(* What the witnesses of low rank depend on: scalars on nothing, the value on the outputs, read and write on one axis. *)
Theorem low_rank_types : forall decay ws rate, low_rank decay ws rate = true ->
  (forall d, decay = Some d -> infer d = Some []) /\
  forall w, In w ws -> infer (w_rate w) = Some [] /\ infer (w_write w) = Some [along] /\
    (forall t, w_value w = Some t -> infer t = Some outputs) /\
    (forall t, w_read w = Some t -> infer t = Some [along]).
Proof.
  assert (F : forall a t, free a t = true -> infer t = Some a).
  { intros a t H. apply andb_prop in H as [H _]. now apply has_axes_some. }
  intros decay ws rate H. unfold low_rank in H. apply andb_prop in H as [H _]. apply andb_prop in H as [D G]. split.
  - intros d ->. simpl in D. apply andb_prop in D as [D _]. apply andb_prop in D as [D _]. auto.
  - intros w I. rewrite forallb_forall in G. specialize (G w I). unfold good in G. do 4 (apply andb_prop in G as [G ?]).
    repeat split; auto; intros t E; rewrite E in *; simpl in *;
      repeat match goal with X : _ && _ = true |- _ => apply andb_prop in X as [? ?] end; auto.
Qed.

(* one_sided other G offset rate ⇒ rate(W) = W G + offset, and neither G nor the offset depends on W. *)
Theorem one_sided_sound : forall other generator offset rate, one_sided other generator offset rate = true ->
  forall E W i, (forall a, In a axes -> (i a < size a)%nat) -> eval size (with_state E W) rate i
  = sum (size other) (fun n => W (map (set i along n) axes) * eval size E generator (set i other n))
    + sum_options (fun t => eval size E t i) offset.
Proof.
  intros other generator offset rate H E W i L. unfold one_sided in H. do 4 (apply andb_prop in H as [H ?]).
  match goal with X : equal _ _ _ = true |- _ =>
    rewrite (equal_sound c size (with_state E W) sizes _ _ X i) by (rewrite (equal_axes _ _ _ X); exact L) end.
  match goal with X : axes_eqb _ _ = true |- _ => apply axes_eqb_eq in X; rename X into B end.
  match goal with X : negb _ = true |- _ => apply negb_true_iff in X; rename X into N end.
  cbn [eval map sum_of fold_right]. f_equal.
  - rewrite B. cbn [sum_over map product_of fold_right]. apply sum_ext. intros n _.
    rewrite (free_value E W [other; along] generator H). cbn [eval]. unfold with_state at 1.
    rewrite String.eqb_refl, map_map, Rmult_1_r. do 2 f_equal. apply map_ext_in. intros a I.
    destruct (String.eqb_spec a along) as [->|D]; [now rewrite !set_same|].
    rewrite !set_other; auto. intros ->. apply mem_In in I. congruence.
  - destruct offset as [t|]; cbn [list_of map fold_right sum_options forallb] in *; [|reflexivity].
    match goal with X : free axes t && true = true |- _ => apply andb_prop in X as [X _]; rewrite (free_value E W axes t X) end.
    ring.
Qed.

(* Read-outs: the response is a term in which the variable u stands for W @ read, under any names of its axes. *)

Variable u : string.
Variable read : term.

Definition look_up {A : Type} (l : list (axis * A)) (other : A) (a : axis) : A :=
  match find (fun p => String.eqb (fst p) a) l with Some p => snd p | None => other end.
Definition recalled_at (a : list axis) : term :=
  Product [Var x axes State (map (look_up (combine outputs a) along) axes); read] a.

Fixpoint substituted (t : term) : term :=
  match t with
  | Var y d r a => if String.eqb y u then recalled_at a else t
  | Const _ _ => t
  | Product ts a => Product (map substituted ts) a
  | Sum ts a => Sum (map substituted ts) a
  | Scale q t a => Scale q (substituted t) a
  | Map p o t a => Map p o (substituted t) a
  end.

Fixpoint substitutable (t : term) : bool :=
  match t with
  | Var y d r a => negb (String.eqb y u) || role_eqb r State && Nat.eqb (length a) (length outputs)
      && negb (mem along a) && axes_eqb (match recalled_at a with Product ts a => bound ts a | _ => [] end) [along]
  | Const _ _ => true
  | Product ts _ | Sum ts _ => forallb substitutable ts
  | Scale _ t _ | Map _ _ t _ => substitutable t
  end.

Definition read_out (write response rate : term) : bool :=
  negb (String.eqb u x) && free [along] read && free [along] write && free outputs response && substitutable response
  && axes_eqb (bound [substituted response; write] axes) []
  && equal c rate (Product [substituted response; write] axes).

(* W @ read: the state's entry with the indices l of the outputs, times the vector read, summed along the axis. *)
Definition recall (E : environment) (W : list nat -> R) (l : list nat) : R :=
  sum (size along) (fun n => W (map (look_up (combine outputs l) n) axes) * eval size E read (fun _ => n)).

Definition with_output (E : environment) (v : list nat -> R) : environment :=
  fun r y l => if String.eqb y u then match r with State => v l | _ => E r y l end else E r y l.

Lemma look_up_map : forall A B (f : A -> B) l m (o : A) (a : axis),
  look_up (combine l (map f m)) (f o) a = f (look_up (combine l m) o a).
Proof.
  intros A B f l. unfold look_up. induction l as [|y l IH]; intros [|z m] o a; simpl; auto.
  destruct (String.eqb y a); auto.
Qed.

Lemma recalled_at_value : forall E W a, free [along] read = true -> mem along a = false ->
  bound [Var x axes State (map (look_up (combine outputs a) along) axes); read] a = [along] ->
  forall i, eval size (with_state E W) (recalled_at a) i = recall E W (map i a).
Proof.
  intros E W a F N B i. unfold recalled_at, recall. cbn [eval]. rewrite B. cbn [sum_over]. apply sum_ext. intros n _.
  cbn [map product_of fold_right]. rewrite (free_value E W [along] read F), Rmult_1_r. cbn [eval]. unfold with_state at 1.
  rewrite String.eqb_refl, map_map. f_equal.
  - f_equal. apply map_ext. intros b. rewrite <- (look_up_map _ _ (set i along n) outputs a along b), set_same.
    do 2 f_equal. apply map_ext_in.
    intros e I. apply set_other. intros ->. apply mem_In in I. congruence.
  - apply andb_prop in F as [F _]. apply has_axes_some in F. apply (infer_sound size E read [along] F).
    intros e [<-|[]]. apply set_same.
Qed.

Lemma substituted_axes : forall t, axes_of (substituted t) = axes_of t.
Proof. intros []; simpl; auto. now destruct (String.eqb name u). Qed.

Lemma substituted_value : forall E W, free [along] read = true -> forall t, substitutable t = true ->
  forall i, eval size (with_state E W) (substituted t) i = eval size (with_output (with_state E W) (recall E W)) t i.
Proof.
  intros E W F.
  induction t as [y d r a|k a|ts a IH|ts a IH|q t a IH|p o t a IH] using term_induction; intros S i; simpl in S.
  - simpl. unfold with_output. destruct (String.eqb y u) eqn:Y; [|reflexivity]. simpl in S.
    do 3 (apply andb_prop in S as [S ?]). apply role_eqb_eq in S. subst r.
    match goal with X : negb _ = true |- _ => apply negb_true_iff in X; rename X into N end.
    match goal with X : axes_eqb _ _ = true |- _ => apply axes_eqb_eq in X; rename X into B end.
    now apply recalled_at_value.
  - reflexivity.
  - rewrite forallb_forall in S. rewrite Forall_forall in IH. cbn [substituted eval].
    assert (B : bound (map substituted ts) a = bound ts a).
    { unfold bound. do 2 f_equal. clear. induction ts as [|t ts IH]; simpl; [reflexivity|].
      rewrite substituted_axes. now rewrite IH. }
    rewrite B. f_equal. apply functional_extensionality. intros j. f_equal. rewrite map_map. apply map_ext_in. auto.
  - rewrite forallb_forall in S. rewrite Forall_forall in IH. cbn [substituted eval]. f_equal.
    rewrite map_map. apply map_ext_in. auto.
  - cbn [substituted eval]. f_equal. auto.
  - cbn [substituted]. destruct o as [b|]; cbn [eval].
    + f_equal. apply functional_extensionality. auto.
    + f_equal. auto.
Qed.

(* read_out write response rate ⇒ rate(W) = response(W @ read) ⊗ write, in which nothing else depends on W. *)
Theorem read_out_sound : forall write response rate, read_out write response rate = true ->
  forall E W i, (forall a, In a axes -> (i a < size a)%nat) -> eval size (with_state E W) rate i
  = eval size (with_output E (recall E W)) response i * eval size E write i.
Proof.
  intros write response rate H E W i L. unfold read_out in H. do 6 (apply andb_prop in H as [H ?]).
  match goal with X : equal _ _ _ = true |- _ =>
    rewrite (equal_sound c size (with_state E W) sizes _ _ X i) by (rewrite (equal_axes _ _ _ X); exact L) end.
  match goal with X : axes_eqb _ [] = true |- _ => apply axes_eqb_eq in X; rename X into B end.
  match goal with X : free outputs response = true |- _ => rename X into G end.
  cbn [eval]. rewrite B. cbn [sum_over map product_of fold_right].
  rewrite substituted_value, (free_value E W [along] write), Rmult_1_r by assumption. f_equal.
  apply andb_prop in G as [_ G]. apply (constant_sound size _ response G).
  intros r y l C. unfold with_output, with_state. simpl in C. rewrite C. reflexivity.
Qed.

End Certificates.
