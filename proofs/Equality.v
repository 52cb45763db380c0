(* A checker of equations between terms, and the proof that it is right: `equal classes t u = true` implies that t and u
   have one value in every environment. Both are expanded to sums of monomials, and like ones are gathered. It knows ring
   laws, the names of summed axes, and that I is an identity, as fwp/terms/normal.py does. What may go wrong is checked
   where it is used, so that the search for a matching of summed axes need not be trusted. *)
From Coq Require Import Reals QArith Qreals String Bool Arith Lia Lra FunctionalExtensionality Permutation List.
From Fwp Require Import Tensor Primitives Core Monomials Identity.
Import ListNotations.
Open Scope R_scope.

Local Arguments Qred : simpl never.
Local Arguments Qmult : simpl never.
Local Arguments Qplus : simpl never.

(* Comparison of monomials, given which summed index of the one is which of the other. *)

Definition pairs := list (nat * nat * axis).
Definition left_of (p : nat * nat * axis) : nat := fst (fst p).
Definition right_of (p : nat * nat * axis) : nat := snd (fst p).

Definition partner (ps : pairs) (x : nat) : option nat :=
  match find (fun p => Nat.eqb (left_of p) x) ps with
  | Some p => Some (right_of p)
  | None => if memn x (map right_of ps) then None else Some x
  end.
Definition related (ps : pairs) (x y : nat) : bool :=
  match partner ps x with Some z => Nat.eqb z y | None => false end.
Fixpoint all_related (ps : pairs) (l m : list nat) : bool :=
  match l, m with
  | [], [] => true
  | x :: l, y :: m => related ps x y && all_related ps l m
  | _, _ => false
  end.

Definition translate (ps : pairs) (r : ixs) : option ixs :=
  all_some (map (fun p => bind (partner ps (snd p)) (fun y => Some (fst p, y))) r).

Definition primitive_eqb (p q : primitive) : bool :=
  match p, q with
  | Sigmoid, Sigmoid | Tanh, Tanh | Softplus, Softplus | Relu, Relu | Exp, Exp | Log, Log | Sqrt, Sqrt
  | Square, Square | Reciprocal, Reciprocal | Softmax, Softmax | Normalize, Normalize => true
  | _, _ => false
  end.

Definition comparison := term -> ixs -> term -> ixs -> bool.
Definition above (l : list nat) : nat := S (fold_right Nat.max 0%nat l).

Definition same_map (c : classes) (same : comparison) (t : term) (r : ixs) (u : term) (s : ixs) : bool :=
  match t, u with
  | Map p None t _, Map q None u _ => primitive_eqb p q && same t r u s
  | Map p (Some a) t _, Map q (Some b) u _ =>
      let z := above (map snd r ++ map snd s) in
      primitive_eqb p q && String.eqb (class c a) (class c b)
      && match look r a, look s b with Some x, Some y => Nat.eqb x y | _, _ => false end
      && negb (memn z (map snd r)) && negb (memn z (map snd s)) && same t ((a, z) :: r) u ((b, z) :: s)
  | _, _ => false
  end.

Definition same_atom (c : classes) (same : comparison) (known : ranges) (ps : pairs) (a b : atom) : bool :=
  match a, b with
  | AVar r x l, AVar q y m => role_eqb r q && String.eqb x y && all_related ps l m
  | AConst k x y, AConst j z w =>
      constant_eqb k j && (related ps x z && related ps y w || is_eye k && related ps x w && related ps y z)
  | ATerm t r, ATerm u s =>
      match translate ps r with
      | Some r => within (ranges_of c r) known && within (ranges_of c s) known && same_map c same t r u s
      | None => false
      end
  | _, _ => false
  end.

(* Take the first that fits out of a list. *)
Fixpoint take {A : Type} (f : A -> bool) (l : list A) : option (A * list A) :=
  match l with
  | [] => None
  | a :: l => if f a then Some (a, l) else bind (take f l) (fun p => Some (fst p, a :: snd p))
  end.

Fixpoint match_all {A : Type} (f : A -> A -> bool) (l m : list A) : bool :=
  match l with
  | [] => match m with [] => true | _ => false end
  | a :: l => match take (f a) m with Some (_, m) => match_all f l m | None => false end
  end.

Fixpoint binds_eqb (l m : list (nat * axis)) : bool :=
  match l, m with
  | [], [] => true
  | x :: l, y :: m => bind_eqb x y && binds_eqb l m
  | _, _ => false
  end.

Definition matches (c : classes) (same : comparison) (ctx : ranges) (m n : monomial) (ps : pairs) : bool :=
  binds_eqb (map (fun p => (left_of p, snd p)) ps) (binds m)
  && match_all bind_eqb (map (fun p => (right_of p, snd p)) ps) (binds n)
  && distinct_ids (map left_of ps) && distinct_ids (map right_of ps) && disjoint (map right_of ps) (map fst ctx)
  && match_all (same_atom c same (binds n ++ ctx) ps) (atoms m) (atoms n).

(* The search: pairs that could still lead to a match, one bound index after the other. *)

Definition may_relate (l k : list nat) (ps : pairs) (x y : nat) : bool :=
  if memn x (map left_of ps) || memn y (map right_of ps) then related ps x y
  else if memn x l then memn y k else Nat.eqb x y.
Fixpoint may_all (f : nat -> nat -> bool) (l m : list nat) : bool :=
  match l, m with
  | [], [] => true
  | x :: l, y :: m => f x y && may_all f l m
  | _, _ => false
  end.
Definition may_match (l k : list nat) (ps : pairs) (a b : atom) : bool :=
  match a, b with
  | AVar r x i, AVar q y j => role_eqb r q && String.eqb x y && may_all (may_relate l k ps) i j
  | AConst x _ _, AConst y _ _ => constant_eqb x y
  | ATerm _ _, ATerm _ _ => true
  | _, _ => false
  end.
Definition promising (m n : monomial) (ps : pairs) : bool :=
  forallb (fun a => existsb (may_match (bound_ids m) (bound_ids n) ps a) (atoms n)) (atoms m).

Fixpoint search (likely final : pairs -> bool) (l k : list (nat * axis)) (ps : pairs) : option pairs :=
  match l with
  | [] => if final (rev ps) then Some (rev ps) else None
  | (x, a) :: l =>
      (fix try before after :=
        match after with
        | [] => None
        | (y, b) :: after =>
            let ps := (x, y, a) :: ps in
            match (if String.eqb a b && likely ps then search likely final l (rev_append before after) ps else None) with
            | Some found => Some found
            | None => try ((y, b) :: before) after
            end
        end) [] k
  end.

Definition same_monomial (c : classes) (same : comparison) (ctx : ranges) (m n : monomial) : bool :=
  Nat.eqb (length (binds m)) (length (binds n)) && Nat.eqb (length (atoms m)) (length (atoms n)) &&
  if promising m n [] then
    match search (promising m n) (matches c same ctx m n) (binds m) (binds n) [] with
    | Some ps => matches c same ctx m n ps
    | None => false
    end
  else false.

Fixpoint insert (c : classes) (same : comparison) (ctx : ranges) (m : monomial) (l : list monomial) : list monomial :=
  match l with
  | [] => [m]
  | n :: l =>
      if same_monomial c same ctx m n then Monomial (Qred (coefficient m + coefficient n)) (binds n) (atoms n) :: l
      else n :: insert c same ctx m l
  end.

Definition vanishes (c : classes) (same : comparison) (ctx : ranges) (l : list monomial) : bool :=
  let tidier m := tidy (length (binds m) + length (atoms m) + length (atoms m)) ctx m in
  forallb (fun m => Qeq_bool (coefficient m) 0) (fold_right (insert c same ctx) [] (map tidier l)).

Fixpoint same (c : classes) (fuel : nat) (t : term) (r : ixs) (u : term) (s : ixs) : bool :=
  match fuel with
  | O => false
  | S fuel =>
      let n := above (map snd r ++ map snd s) in
      match expand c t r n, expand c u s n with
      | Some (l, _), Some (k, _) => vanishes c (same c fuel) (ranges_of c r ++ ranges_of c s) (l ++ map (scaled (-1)) k)
      | _, _ => false
      end
  end.

Fixpoint height (t : term) : nat :=
  match t with
  | Var _ _ _ _ | Const _ _ => 1%nat
  | Product ts _ | Sum ts _ => S (fold_right Nat.max 0%nat (map height ts))
  | Scale _ t _ | Map _ _ t _ => S (height t)
  end.

Fixpoint numbered (n : nat) (l : list axis) : ixs :=
  match l with [] => [] | a :: l => (a, n) :: numbered (S n) l end.

Definition equal (c : classes) (t u : term) : bool :=
  match infer t with
  | Some a => has_axes a (infer u) && same c (height t) t (numbered 0 a) u (numbered 0 a)
  | None => false
  end.

(* The checker is sound. *)

Section Soundness.
Variable c : classes.
Variable size : axis -> nat.
Variable env : environment.
Hypothesis sizes : respects c size.

Local Notation atom_value := (atom_value size env).
Local Notation atoms_value := (atoms_value size env).
Local Notation sum_binds := (sum_binds size).
Local Notation inner_value := (inner_value size env).
Local Notation value := (value size env).
Local Notation total := (total size env).
Local Notation in_range := (in_range size).

Definition corresponds (ps : pairs) (b d : numbering) : Prop :=
  (forall p, In p ps -> b (left_of p) = d (right_of p)) /\
  (forall z, ~ In z (map left_of ps) -> ~ In z (map right_of ps) -> b z = d z).

Lemma partner_sound : forall ps b d, corresponds ps b d -> forall x y, partner ps x = Some y -> b x = d y.
Proof.
  intros ps b d [H1 H2] x y H. unfold partner in H.
  destruct (find (fun p => Nat.eqb (left_of p) x) ps) as [p|] eqn:F.
  - apply find_some in F as [I E]. apply Nat.eqb_eq in E. injection H as <-. subst x. now apply H1.
  - destruct (memn x (map right_of ps)) eqn:M; [discriminate|]. injection H as <-. apply H2.
    + intros I. apply in_map_iff in I as (p & E & I). apply (find_none _ _ F) in I.
      subst x. now rewrite Nat.eqb_refl in I.
    + now apply memn_false.
Qed.

Lemma related_sound : forall ps b d, corresponds ps b d -> forall x y, related ps x y = true -> b x = d y.
Proof.
  intros ps b d H x y E. unfold related in E. destruct (partner ps x) as [z|] eqn:P; [|discriminate].
  apply Nat.eqb_eq in E. subst. eapply partner_sound; eauto.
Qed.

Lemma all_related_sound : forall ps b d, corresponds ps b d ->
  forall l m, all_related ps l m = true -> map b l = map d m.
Proof.
  intros ps b d H. induction l as [|x l IH]; destruct m as [|y m]; simpl; intros E; try discriminate; auto.
  apply andb_prop in E as [E1 E2]. f_equal; [eapply related_sound; eauto|auto].
Qed.

Lemma translate_sound : forall ps b d, corresponds ps b d -> forall r s, translate ps r = Some s -> at_ r b = at_ s d.
Proof.
  intros ps b d H r s E. apply all_some_map in E. apply functional_extensionality. intros a. unfold at_, look.
  induction E as [|[a1 x] [a2 y] r s E _ IH]; simpl; [reflexivity|].
  apply bind_some in E as (z & P & E). simpl in *. injection E as <- <-.
  destruct (String.eqb a1 a); [simpl; eapply partner_sound; eauto|exact IH].
Qed.

Definition right (same : comparison) : Prop := forall t r u s, same t r u s = true ->
  forall b, in_range (ranges_of c r) b -> in_range (ranges_of c s) b -> eval size env t (at_ r b) = eval size env u (at_ s b).

Lemma primitive_eqb_eq : forall p q, primitive_eqb p q = true -> p = q.
Proof. intros [] []; simpl; congruence. Qed.

Lemma role_eqb_eq : forall r q, role_eqb r q = true -> r = q.
Proof. intros [] []; simpl; congruence. Qed.

Lemma along_ext : forall p n f g i, (i < n)%nat -> (forall k, (k < n)%nat -> f k = g k) -> along p n f i = along p n g i.
Proof.
  intros p n f g i L H. destruct p; simpl; auto; unfold softmax, normalize; rewrite (H i L).
  - rewrite (sum_ext n (fun j => exp (f j)) (fun j => exp (g j))); [reflexivity|]. intros. now rewrite H.
  - rewrite (sum_ext n (fun j => f j * f j) (fun j => g j * g j)); [reflexivity|]. intros. now rewrite H.
Qed.

Lemma ranges_look : forall r a x b, look r a = Some x -> in_range (ranges_of c r) b -> (b x < size a)%nat.
Proof.
  intros r a x b H R. unfold look in H.
  destruct (find (fun p => String.eqb (fst p) a) r) as [[e n]|] eqn:F; [|discriminate]. injection H as <-.
  apply find_some in F as [I E]. simpl in E. apply String.eqb_eq in E. subst e.
  rewrite <- (sizes a). apply R. apply (in_map (fun p => (snd p, class c (fst p)))) in I. exact I.
Qed.

Lemma ranges_put : forall r a z b n, ~ In z (map snd r) -> in_range (ranges_of c r) b -> (n < size a)%nat ->
  in_range (ranges_of c ((a, z) :: r)) (put b z n).
Proof.
  intros r a z b n N R L. change (ranges_of c ((a, z) :: r)) with ((z, class c a) :: ranges_of c r).
  apply in_range_put; auto; [|now rewrite sizes].
  unfold ranges_of. rewrite map_map. exact N.
Qed.

Lemma same_map_sound : forall same, right same -> right (same_map c same).
Proof.
  intros same0 H t1 r t2 s E b R1 R2. destruct t1 as [| | | | |p o t a1]; try discriminate.
  destruct t2 as [| | | | |q o2 u a2]; simpl in E; try (destruct o; discriminate).
  destruct o as [a|], o2 as [a'|]; try discriminate.
  - do 5 (apply andb_prop in E as [E ?]). apply primitive_eqb_eq in E. subst q.
    match goal with X : String.eqb _ _ = true |- _ => apply String.eqb_eq in X; rename X into C end.
    repeat match goal with X : negb (memn _ _) = true |- _ => apply negb_true_iff in X; apply memn_false in X end.
    assert (S : size a = size a') by (rewrite <- (sizes a), <- (sizes a'); now rewrite C).
    destruct (look r a) as [x|] eqn:La; [|discriminate]. destruct (look s a') as [y|] eqn:Lb; [|discriminate].
    match goal with X : Nat.eqb _ _ = true |- _ => apply Nat.eqb_eq in X; subst y end.
    simpl. rewrite S. replace (at_ s b a') with (at_ r b a) by (unfold at_; now rewrite La, Lb).
    apply along_ext.
    + unfold at_. rewrite La, <- S. now apply ranges_look with (r := r).
    + intros k K. erewrite <- !at_cons; eauto. apply H; auto; apply ranges_put; auto. now rewrite S.
  - apply andb_prop in E as [E1 E2]. apply primitive_eqb_eq in E1. subst. simpl. f_equal. now apply H.
Qed.

Lemma same_atom_sound : forall same, right same -> forall known ps b d, corresponds ps b d -> in_range known d ->
  forall x y, same_atom c same known ps x y = true -> atom_value b x = atom_value d y.
Proof.
  intros same0 H known ps b d C R v w E.
  destruct v as [r x l|k x y|t r], w as [q z m|j z w|u s]; simpl in E; try discriminate.
  - repeat (apply andb_prop in E as [E ?]). apply role_eqb_eq in E. apply String.eqb_eq in H1. subst. simpl. f_equal.
    eapply all_related_sound; eauto.
  - apply andb_prop in E as [E1 E2]. apply constant_eqb_eq in E1. subst j. apply orb_prop in E2 as [E|E].
    + apply andb_prop in E as [E1 E2]. simpl.
      now rewrite (related_sound ps b d C x z E1), (related_sound ps b d C y w E2).
    + repeat (apply andb_prop in E as [E ?]). destruct k; try discriminate. simpl. rewrite eye_sym.
      erewrite (related_sound ps b d C x w), (related_sound ps b d C y z); eauto.
  - destruct (translate ps r) as [r'|] eqn:T; [|discriminate]. apply andb_prop in E as [E E3].
    apply andb_prop in E as [E1 E2]. simpl. rewrite (translate_sound ps b d C r r' T).
    apply (same_map_sound same0 H t r' u s E3 d); eapply within_sound; eauto.
Qed.

Lemma take_some : forall A (f : A -> bool) l a m, take f l = Some (a, m) -> f a = true /\ Permutation l (a :: m).
Proof.
  induction l as [|x l IH]; simpl; intros a m H; [discriminate|]. destruct (f x) eqn:F.
  - injection H as <- <-. auto.
  - apply bind_some in H as ([y k] & E & H). injection H as <- <-. destruct (IH _ _ E) as [F' P]. split; [assumption|].
    simpl. rewrite P. apply perm_swap.
Qed.

Lemma match_all_product : forall A (f : A -> A -> bool) (v w : A -> R),
  (forall x y, f x y = true -> v x = w y) ->
  forall l m, match_all f l m = true -> product_of (map v l) = product_of (map w m).
Proof.
  intros A f v w H. induction l as [|x l IH]; simpl; intros m E.
  - destruct m; [reflexivity|discriminate].
  - destruct (take (f x) m) as [[y k]|] eqn:T; [|discriminate]. apply take_some in T as [F P].
    rewrite (IH _ E), (H _ _ F), (product_permutation _ _ (Permutation_map w P)). reflexivity.
Qed.

Lemma match_all_permutation : forall l m, match_all bind_eqb l m = true -> Permutation l m.
Proof.
  induction l as [|x l IH]; simpl; intros m H.
  - destruct m; [constructor|discriminate].
  - destruct (take (bind_eqb x) m) as [[y k]|] eqn:T; [|discriminate]. apply take_some in T as [F P].
    apply bind_eqb_eq in F. subst y. rewrite P. constructor. auto.
Qed.

Lemma binds_eqb_eq : forall l m, binds_eqb l m = true -> l = m.
Proof.
  induction l as [|x l IH]; destruct m as [|y m]; simpl; intros H; try discriminate; auto.
  apply andb_prop in H as [H1 H2]. apply bind_eqb_eq in H1. subst. f_equal. auto.
Qed.

Definition rights (ps : pairs) : ranges := map (fun p => (right_of p, snd p)) ps.

Lemma sum_binds_match : forall f g ctx all,
  (forall b d, corresponds all b d -> in_range (rights all ++ ctx) d -> f b = g d) ->
  NoDup (map left_of all) -> NoDup (map right_of all) -> (forall z, In z (map right_of all) -> ~ In z (map fst ctx)) ->
  forall ps done, all = done ++ ps -> forall b d,
  (forall p, In p done -> b (left_of p) = d (right_of p)) ->
  (forall z, ~ In z (map left_of all) -> ~ In z (map right_of all) -> b z = d z) ->
  in_range (rights done ++ ctx) d ->
  sum_binds (map (fun p => (left_of p, snd p)) ps) f b = sum_binds (rights ps) g d.
Proof.
  intros f g ctx all H L R X. induction ps as [|p ps IH]; intros done E b d D Z B; simpl.
  - rewrite app_nil_r in E. subst. apply H; [|assumption]. now split.
  - assert (I : In p all) by (subst; apply in_or_app; right; now left).
    assert (N : ~ In (left_of p) (map left_of done) /\ ~ In (right_of p) (map right_of done)).
    { subst all. rewrite map_app in L, R. simpl in L, R. apply NoDup_remove_2 in L. apply NoDup_remove_2 in R.
      rewrite in_app_iff in L, R. tauto. }
    destruct N as [N1 N2]. apply sum_ext. intros n M. apply (IH (done ++ [p])).
    + rewrite <- app_assoc. assumption.
    + intros q J. rewrite in_app_iff in J. destruct J as [J|[<-|[]]]; [|now rewrite !put_same].
      rewrite !put_other; [now apply D| |]; intros C.
      * apply N2. rewrite <- C. now apply in_map.
      * apply N1. rewrite <- C. now apply in_map.
    + intros z Z1 Z2. rewrite !put_other; [now apply Z| |]; intros ->.
      * apply Z2. now apply in_map.
      * apply Z1. now apply in_map.
    + assert (K : in_range ((right_of p, snd p) :: rights done ++ ctx) (put d (right_of p) n)).
      { apply in_range_put; auto. rewrite map_app, in_app_iff. intros [C|C].
        - apply N2. unfold rights in C. rewrite map_map in C. exact C.
        - apply (X (right_of p)); [now apply in_map|assumption]. }
      intros y e J. apply K. unfold rights in *. rewrite map_app, !in_app_iff in J. simpl in *. rewrite in_app_iff. tauto.
Qed.

Lemma matches_sound : forall same, right same -> forall ctx m n ps, matches c same ctx m n ps = true ->
  forall b, in_range ctx b -> inner_value m b = inner_value n b.
Proof.
  intros same0 H ctx m n ps E b B. unfold matches in E. do 5 (apply andb_prop in E as [E ?]).
  apply binds_eqb_eq in E. unfold inner_value. rewrite <- E.
  match goal with X : match_all bind_eqb _ _ = true |- _ => apply match_all_permutation in X; rename X into P end.
  repeat match goal with X : distinct_ids _ = true |- _ => apply distinct_ids_NoDup in X end.
  rewrite <- (sum_binds_permutation _ _ P).
  - apply (sum_binds_match _ _ ctx ps) with (done := []); auto; [|now apply disjoint_sound|intros p []].
    intros d d' C B'.
    assert (K : in_range (binds n ++ ctx) d').
    { apply in_range_app in B' as [B1 B2]. apply in_range_app. split; [|assumption].
      intros z a I. apply B1. apply (Permutation_in _ (Permutation_sym P) I). }
    unfold atoms_value. eapply match_all_product; [|eassumption].
    intros x y F. exact (same_atom_sound same0 H _ ps d d' C K x y F).
  - rewrite map_map. simpl. assumption.
Qed.

Lemma same_monomial_sound : forall same, right same -> forall ctx m n, same_monomial c same ctx m n = true ->
  forall b, in_range ctx b -> inner_value m b = inner_value n b.
Proof.
  intros same0 H ctx m n E b B. unfold same_monomial in E. apply andb_prop in E as [_ E].
  destruct (promising m n []); [|discriminate].
  destruct (search _ _ _ _ _) as [ps|]; [|discriminate]. eapply matches_sound; eauto.
Qed.

Lemma insert_sound : forall same, right same -> forall ctx b, in_range ctx b ->
  forall m l, total (insert c same ctx m l) b = value m b + total l b.
Proof.
  intros same0 H ctx b B m l. unfold total. induction l as [|n l IH]; simpl; [ring|].
  destruct (same_monomial c same0 ctx m n) eqn:E; simpl.
  - unfold value. simpl. rewrite Q2R_red, Q2R_plus, (same_monomial_sound same0 H ctx m n E b B).
    unfold inner_value. simpl. ring.
  - rewrite IH. ring.
Qed.

Lemma vanishes_sound : forall same, right same -> forall ctx l, vanishes c same ctx l = true ->
  forall b, in_range ctx b -> total l b = 0.
Proof.
  intros same0 H ctx l V b B. unfold vanishes in V.
  match type of V with context [map ?f l] => set (tidier := f) in V end.
  assert (T : total (fold_right (insert c same0 ctx) [] (map tidier l)) b = total l b).
  { clear V. induction l as [|m l IH]; simpl; [reflexivity|]. rewrite (insert_sound same0 H ctx b B), IH.
    unfold total at 2. simpl. f_equal. now apply tidy_sound. }
  rewrite <- T. clear T. unfold total.
  induction (fold_right (insert c same0 ctx) [] (map tidier l)) as [|m k IH]; simpl; [reflexivity|].
  simpl in V. apply andb_prop in V as [V1 V2]. rewrite (IH V2). unfold value.
  apply Qeq_bool_eq, Qeq_eqR in V1. rewrite V1. unfold Q2R. simpl. ring.
Qed.

Lemma same_sound : forall fuel, right (same c fuel).
Proof.
  induction fuel as [|fuel IH]; intros t r u s E b R1 R2; simpl in E; [discriminate|].
  destruct (expand c t r _) as [[l k]|] eqn:T; [|discriminate].
  destruct (expand c u s _) as [[l' k']|] eqn:U; [|discriminate].
  pose proof (vanishes_sound _ IH _ _ E b (proj2 (in_range_app _ _ b) (conj R1 R2))) as V.
  rewrite total_app, scaled_total in V.
  rewrite (expand_sound sizes _ _ _ _ _ T b), (expand_sound sizes _ _ _ _ _ U b).
  replace (Q2R (-1)) with (-1) in V by (unfold Q2R; simpl; field). lra.
Qed.

Lemma at_numbered : forall (i : index) l n b, (forall j, (j < length l)%nat -> b (n + j)%nat = i (nth j l EmptyString)) ->
  forall x, In x l -> at_ (numbered n l) b x = i x.
Proof.
  intros i. induction l as [|a l IH]; intros n b H x I; [contradiction|]. unfold at_, look. simpl.
  destruct (String.eqb_spec a x) as [->|N].
  - simpl. specialize (H 0%nat). simpl in H. rewrite Nat.add_0_r in H. apply H. lia.
  - destruct I as [->|I]; [contradiction|]. apply (IH (S n) b); [|assumption].
    intros j J. replace (S n + j)%nat with (n + S j)%nat by lia. apply (H (S j)). simpl. lia.
Qed.

Lemma numbered_ranges : forall (i : index) l n b, (forall j, (j < length l)%nat -> b (n + j)%nat = i (nth j l EmptyString)) ->
  (forall x, In x l -> (i x < size x)%nat) -> in_range (ranges_of c (numbered n l)) b.
Proof.
  intros i. induction l as [|a l IH]; intros n b H L x e I; [contradiction|]. simpl in I. destruct I as [I|I].
  - injection I as <- <-. rewrite sizes. specialize (H 0%nat). simpl in H. rewrite Nat.add_0_r in H.
    rewrite H by lia. apply L. now left.
  - apply (IH (S n) b); auto.
    + intros j J. replace (S n + j)%nat with (n + S j)%nat by lia. apply (H (S j)). simpl. lia.
    + intros y Y. apply L. now right.
Qed.

(* equal t u ⇒ t = u, for all sizes that respect the classes of axes, in every environment, at all indices. *)
Theorem equal_sound : forall t u, equal c t u = true ->
  forall i, (forall x, In x (axes_of t) -> (i x < size x)%nat) -> eval size env t i = eval size env u i.
Proof.
  intros t u E i L. unfold equal in E. destruct (infer t) as [a|] eqn:T; [|discriminate].
  rewrite (infer_axes _ _ T) in L.
  apply andb_prop in E as [U E]. apply has_axes_some in U.
  set (b := fun j => i (nth j a EmptyString)).
  assert (A : forall x, In x a -> at_ (numbered 0 a) b x = i x) by (apply at_numbered; reflexivity).
  rewrite <- (infer_sound size env t a T _ _ A), <- (infer_sound size env u a U _ _ A). apply same_sound with (1 := E);
    now apply (numbered_ranges i).
Qed.

End Soundness.

(* Equal terms have one type. *)
Theorem equal_axes : forall c t u, equal c t u = true -> axes_of t = axes_of u.
Proof.
  intros c t u E. unfold equal in E. destruct (infer t) as [a|] eqn:T; [|discriminate].
  apply andb_prop in E as [U _]. apply has_axes_some in U. apply infer_axes in T. apply infer_axes in U. congruence.
Qed.
