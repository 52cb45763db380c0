(* Identity matrices in monomials: an index that I says is another gives way to it. *)
From Coq Require Import Reals QArith Qreals String Bool Arith Lia Lra FunctionalExtensionality Permutation List.
From Fwp Require Import Tensor Primitives Core Monomials.
Import ListNotations.
Open Scope R_scope.

Local Arguments Qred : simpl never.
Local Arguments Qmult : simpl never.
Local Arguments Qplus : simpl never.

(* A summed index gives way to another if that is in its range; so the ranges of indices are known: those of the summed
   ones and, from outside, those in `ctx`. *)

Definition ranges := list (nat * axis).
Definition ranges_of (c : classes) (r : ixs) : ranges := map (fun p => (snd p, class c (fst p))) r.
Definition bind_eqb (x y : nat * axis) : bool := Nat.eqb (fst x) (fst y) && String.eqb (snd x) (snd y).
Definition within (l m : ranges) : bool := forallb (fun p => existsb (bind_eqb p) m) l.

Definition move (x y z : nat) : nat := if Nat.eqb z x then y else z.
Definition moved (x y : nat) (a : atom) : atom :=
  match a with
  | AVar r v l => AVar r v (map (move x y) l)
  | AConst k v w => AConst k (move x y v) (move x y w)
  | ATerm t r => ATerm t (map (fun p => (fst p, move x y (snd p))) r)
  end.

(* The first constant for which f holds, and the atoms without it. *)
Fixpoint pick (f : constant -> nat -> nat -> list atom -> bool) (l : list atom)
  : option (constant * nat * nat * list atom) :=
  match l with
  | [] => None
  | a :: l =>
      match (match a with AConst k x y => if f k x y l then Some (k, x, y) else None | _ => None end) with
      | Some p => Some (p, l)
      | None => bind (pick f l) (fun p => Some (fst p, a :: snd p))
      end
  end.

Fixpoint pick_bind (x : nat) (l : ranges) : option (axis * ranges) :=
  match l with
  | [] => None
  | (y, a) :: l => if Nat.eqb x y then Some (a, l) else bind (pick_bind x l) (fun p => Some (fst p, (y, a) :: snd p))
  end.

Definition is_eye (k : constant) : bool := match k with Eye => true | _ => false end.
Definition constant_eqb (k j : constant) : bool :=
  match k, j with Ones, Ones | Eye, Eye | Tril, Tril => true | _, _ => false end.

(* x is summed, and y, in the same range, can stand in its place. *)
Definition gives_way (ctx : ranges) (m : monomial) (x y : nat) : bool :=
  match pick_bind x (binds m) with
  | Some (a, l) => negb (Nat.eqb x y) && within [(y, a)] (l ++ ctx)
  | None => false
  end.
Definition without (x y : nat) (m : monomial) (l : list atom) : monomial :=
  match pick_bind x (binds m) with
  | Some (_, k) => Monomial (coefficient m) k (map (moved x y) l)
  | None => m
  end.

(* One step: a summed index gives way; else I at equal indices goes, and a constant that is there twice, being its own
   square; else, both indices being free, one stands for both in all other atoms. *)
Definition tidied (ctx : ranges) (m : monomial) : option monomial :=
  match pick (fun k x y _ => is_eye k && (gives_way ctx m x y || gives_way ctx m y x)) (atoms m) with
  | Some (_, x, y, l) => Some (if gives_way ctx m x y then without x y m l else without y x m l)
  | None =>
      match pick (fun k x y l => is_eye k && Nat.eqb x y
                   || existsb (fun a => match a with AConst j v w => constant_eqb k j && Nat.eqb x v && Nat.eqb y w
                                                | _ => false end) l) (atoms m) with
      | Some (_, l) => Some (Monomial (coefficient m) (binds m) l)
      | None =>
          match pick (fun k x y l => is_eye k) (atoms m) with
          | Some (_, x, y, l) =>
              let move := if Nat.leb x y then moved y x else moved x y in
              Some (Monomial (coefficient m) (binds m) (map move l ++ [AConst Eye x y]))
          | None => None
          end
      end
  end.

Fixpoint distinct_ids (l : list nat) : bool :=
  match l with [] => true | x :: l => negb (memn x l) && distinct_ids l end.

Fixpoint tidy (fuel : nat) (ctx : ranges) (m : monomial) : monomial :=
  match fuel with
  | O => m
  | S fuel =>
      if distinct_ids (bound_ids m) && disjoint (bound_ids m) (map fst ctx) then
        match tidied ctx m with Some n => tidy fuel ctx n | None => m end
      else m
  end.

(* It keeps the value, at indices in range. *)

Lemma distinct_ids_NoDup : forall l, distinct_ids l = true -> NoDup l.
Proof.
  induction l as [|x l IH]; simpl; intros H; constructor; apply andb_prop in H as [H1 H2]; auto.
  apply negb_true_iff in H1. now apply memn_false.
Qed.

Section Soundness.
Variable size : axis -> nat.
Variable env : environment.

Local Notation atom_value := (atom_value size env).
Local Notation atoms_value := (atoms_value size env).
Local Notation sum_binds := (sum_binds size).
Local Notation inner_value := (inner_value size env).
Local Notation value := (value size env).
Local Notation total := (total size env).

Definition in_range (l : ranges) (b : numbering) : Prop := forall x a, In (x, a) l -> (b x < size a)%nat.

Lemma in_range_app : forall l k b, in_range (l ++ k) b <-> in_range l b /\ in_range k b.
Proof.
  intros l k b. unfold in_range. split.
  - intros H. split; intros x a I; apply H; rewrite in_app_iff; auto.
  - intros [H1 H2] x a I. rewrite in_app_iff in I. destruct I; auto.
Qed.

Lemma in_range_put : forall l b x a n, ~ In x (map fst l) -> in_range l b -> (n < size a)%nat ->
  in_range ((x, a) :: l) (put b x n).
Proof.
  intros l b x a n N H L y e [E|I].
  - injection E as <- <-. now rewrite put_same.
  - rewrite put_other; [now apply H|]. intros ->. apply N. apply (in_map fst) in I. exact I.
Qed.

Lemma bind_eqb_eq : forall x y, bind_eqb x y = true -> x = y.
Proof.
  intros [x a] [y b] H. unfold bind_eqb in H. simpl in H. apply andb_prop in H as [H1 H2].
  apply Nat.eqb_eq in H1. apply String.eqb_eq in H2. now subst.
Qed.

Lemma within_sound : forall l m b, within l m = true -> in_range m b -> in_range l b.
Proof.
  intros l m b H R x a I. unfold within in H. rewrite forallb_forall in H. apply H in I.
  apply existsb_exists in I as (p & I & E). apply bind_eqb_eq in E. subst. now apply R.
Qed.

Lemma sum_binds_ext_range : forall k ctx f g b, NoDup (map fst k) -> (forall x, In x (map fst k) -> ~ In x (map fst ctx)) ->
  in_range ctx b -> (forall d, in_range (k ++ ctx) d -> f d = g d) -> sum_binds k f b = sum_binds k g b.
Proof.
  induction k as [|[x a] k IH]; intros ctx f g b N D R H; simpl; [now apply H|].
  inversion N as [|? ? N1 N2]; subst. apply sum_ext. intros n L. apply (IH ((x, a) :: ctx)).
  - assumption.
  - intros y I [E|C]; [simpl in E; subst; contradiction|]. apply (D y); [now right|assumption].
  - apply in_range_put; auto. apply D. now left.
  - intros d Rd. apply H. intros y e I. apply Rd. simpl in I. rewrite in_app_iff in *. simpl. tauto.
Qed.

Lemma product_permutation : forall l m : list R, Permutation l m -> product_of l = product_of m.
Proof. intros l m P. induction P; simpl; try congruence; ring. Qed.

Lemma sum_binds_permutation : forall l m, Permutation l m -> NoDup (map fst l) ->
  forall f b, sum_binds l f b = sum_binds m f b.
Proof.
  intros l m P. induction P as [|[x a] l m P IH|[x a] [y e] l|l m k P1 IH1 P2 IH2]; intros N f b.
  - reflexivity.
  - simpl. inversion N; subst. apply sum_ext. intros. now apply IH.
  - simpl. inversion N as [|? ? N1 N2]; subst. simpl in N1. rewrite sum_swap. apply sum_ext. intros n _.
    apply sum_ext. intros n' _. rewrite put_comm; [reflexivity|]. intros E. apply N1. now left.
  - rewrite IH1 by assumption. apply IH2. apply (Permutation_NoDup (Permutation_map fst P1) N).
Qed.

Lemma eye_sym : forall x y, eye x y = eye y x.
Proof. intros. unfold eye. now rewrite Nat.eqb_sym. Qed.

Lemma is_eye_eq : forall k, is_eye k = true -> k = Eye.
Proof. intros []; simpl; congruence. Qed.

Lemma constant_eqb_eq : forall r q, constant_eqb r q = true -> r = q.
Proof. intros [] []; simpl; congruence. Qed.

Lemma pick_sound : forall f l k x y m, pick f l = Some (k, x, y, m) ->
  Permutation l (AConst k x y :: m) /\ exists tail, f k x y tail = true /\ forall a, In a tail -> In a m.
Proof.
  intros f. induction l as [|a l IH]; simpl; intros k x y m H; [discriminate|].
  destruct (match a with AConst k x y => if f k x y l then Some (k, x, y) else None | _ => None end) as [p|] eqn:E.
  - destruct a as [|j v w|]; try discriminate. destruct (f j v w l) eqn:F; [|discriminate].
    injection E as <-. injection H as <- <- <- <-. split; [reflexivity|]. exists l. auto.
  - apply bind_some in H as ([[[k' x'] y'] m'] & P & H). injection H as <- <- <- <-.
    destruct (IH _ _ _ _ P) as [Q (tail & F & I)]. split.
    + simpl. rewrite Q. apply perm_swap.
    + exists tail. split; [assumption|]. intros e J. right. auto.
Qed.

Lemma pick_bind_sound : forall x l a k, pick_bind x l = Some (a, k) -> Permutation l ((x, a) :: k).
Proof.
  intros x. induction l as [|[y e] l IH]; simpl; intros a k H; [discriminate|].
  destruct (Nat.eqb_spec x y) as [->|N].
  - injection H as <- <-. reflexivity.
  - apply bind_some in H as ([a' k'] & P & H). injection H as <- <-. rewrite (IH _ _ P). apply perm_swap.
Qed.

Lemma move_put : forall b x y z, b (move x y z) = put b x (b y) z.
Proof. intros. unfold move, put. now destruct (Nat.eqb z x). Qed.

Lemma moved_value : forall b x y a, atom_value b (moved x y a) = atom_value (put b x (b y)) a.
Proof.
  intros b x y [r v l|k v w|t r]; simpl.
  - f_equal. rewrite map_map. apply map_ext. intros. apply move_put.
  - now rewrite !move_put.
  - f_equal. apply functional_extensionality. intros a. unfold at_, look.
    induction r as [|[e n] r IH]; simpl; [reflexivity|]. destruct (String.eqb e a); [simpl; apply move_put|exact IH].
Qed.

Lemma moved_values : forall b x y l, atoms_value (map (moved x y) l) b = atoms_value l (put b x (b y)).
Proof.
  intros. unfold atoms_value. rewrite map_map. f_equal. apply map_ext. intros. apply moved_value.
Qed.

Lemma sum_eye : forall n y g, (y < n)%nat -> sum n (fun k => eye k y * g k) = g y.
Proof.
  intros n y g L. rewrite <- (sum_single n g y L). apply sum_ext. intros k _. unfold eye.
  destruct (Nat.eq_dec y k) as [->|N].
  - rewrite Nat.eqb_refl. ring.
  - destruct (Nat.eqb_spec k y); [congruence|ring].
Qed.

Lemma put_id : forall b x, put b x (b x) = b.
Proof.
  intros. apply functional_extensionality. intros z. unfold put. destruct (Nat.eqb_spec z x); congruence.
Qed.

Lemma without_sound : forall ctx m x y l, gives_way ctx m x y = true ->
  NoDup (bound_ids m) -> (forall z, In z (bound_ids m) -> ~ In z (map fst ctx)) ->
  (forall b, atoms_value (atoms m) b = eye (b x) (b y) * atoms_value l b) ->
  forall b, in_range ctx b -> value m b = value (without x y m l) b.
Proof.
  intros ctx m x y l G N D A b R. unfold gives_way in G. unfold value, inner_value, without.
  destruct (pick_bind x (binds m)) as [[a k]|] eqn:P; [|discriminate].
  apply pick_bind_sound in P. apply andb_prop in G as [X W]. apply negb_true_iff, Nat.eqb_neq in X. simpl.
  f_equal. unfold bound_ids in *.
  assert (Q : Permutation (binds m) (k ++ [(x, a)])) by (rewrite P; apply Permutation_cons_append).
  pose proof (Permutation_NoDup (Permutation_map fst Q) N) as M. rewrite (sum_binds_permutation _ _ Q N), sum_binds_app.
  rewrite map_app in M. apply (sum_binds_ext_range k ctx).
  - now apply NoDup_remove_1 in M; rewrite app_nil_r in M.
  - intros z I. apply D. apply (Permutation_in (l := map fst (k ++ [(x, a)]))).
    + symmetry. now apply Permutation_map.
    + rewrite map_app, in_app_iff. now left.
  - assumption.
  - intros d Rd. simpl. rewrite moved_values.
    assert (L : (d y < size a)%nat) by (apply (within_sound _ _ d W Rd); now left).
    rewrite <- (sum_eye (size a) (d y) (fun n => atoms_value l (put d x n)) L). apply sum_ext. intros n _.
    rewrite A, put_same, put_other by auto. reflexivity.
Qed.

Lemma square_of_constant : forall b k x y l, In (AConst k x y) l ->
  atom_value b (AConst k x y) * atoms_value l b = atoms_value l b.
Proof.
  intros b k x y l. unfold atoms_value. induction l as [|a l IH]; intros H; [contradiction|].
  cbn [map product_of fold_right]. destruct H as [->|H].
  - assert (S : atom_value b (AConst k x y) * atom_value b (AConst k x y) = atom_value b (AConst k x y)).
    { destruct k; simpl; unfold eye, tril; try destruct (Nat.eqb _ _); try destruct (Nat.leb _ _); ring. }
    rewrite <- Rmult_assoc, S. reflexivity.
  - specialize (IH H). unfold product_of in IH. rewrite <- IH at 2. ring.
Qed.

Lemma tidied_sound : forall ctx m n, NoDup (bound_ids m) -> (forall x, In x (bound_ids m) -> ~ In x (map fst ctx)) ->
  tidied ctx m = Some n -> forall b, in_range ctx b -> value m b = value n b.
Proof.
  intros ctx m n N D H b R. unfold tidied in H.
  assert (V : forall k x y l, Permutation (atoms m) (AConst k x y :: l) ->
    forall b, atoms_value (atoms m) b = atom_value b (AConst k x y) * atoms_value l b).
  { intros k x y l P d. unfold atoms_value. rewrite (product_permutation _ _ (Permutation_map (atom_value d) P)). reflexivity. }
  assert (S : forall l, (forall b, atoms_value (atoms m) b = atoms_value l b) ->
    value m b = value (Monomial (coefficient m) (binds m) l) b).
  { intros l E. unfold value, inner_value. simpl. f_equal. now apply sum_binds_ext. }
  destruct (pick _ (atoms m)) as [[[[k x] y] l]|] eqn:P in H.
  - apply pick_sound in P as [P (tail & F & _)]. specialize (V _ _ _ _ P). apply andb_prop in F as [K G].
    apply is_eye_eq in K. subst k. injection H as <-. destruct (gives_way ctx m x y) eqn:W.
    + apply (without_sound ctx); auto.
    + apply (without_sound ctx); auto. intros d. rewrite eye_sym. apply V.
  - clear P. destruct (pick _ (atoms m)) as [[[[k x] y] l]|] eqn:P in H.
    + apply pick_sound in P as [P (tail & F & I)]. specialize (V _ _ _ _ P). injection H as <-. apply S.
      intros d. rewrite V. apply orb_prop in F as [F|F].
      * apply andb_prop in F as [K E]. apply is_eye_eq in K. apply Nat.eqb_eq in E. subst. simpl. unfold eye.
        rewrite Nat.eqb_refl. ring.
      * apply existsb_exists in F as (a & J & F). apply I in J. destruct a as [|j v w|]; try discriminate.
        apply andb_prop in F as [F E2]. apply andb_prop in F as [F E1]. apply constant_eqb_eq in F.
        apply Nat.eqb_eq in E1. apply Nat.eqb_eq in E2. subst. now apply square_of_constant.
    + clear P. destruct (pick _ (atoms m)) as [[[[k x] y] l]|] eqn:P in H; [|discriminate].
      apply pick_sound in P as [P (tail & K & _)]. apply is_eye_eq in K. subst k. specialize (V _ _ _ _ P).
      injection H as <-. apply S. intros d. rewrite V, atoms_value_app.
      unfold atoms_value at 3. cbn [map product_of fold_right].
      change (atom_value d (AConst Eye x y)) with (eye (d x) (d y)). destruct (Nat.eq_dec (d x) (d y)) as [E|E].
      * destruct (Nat.leb x y); rewrite moved_values; [rewrite E|rewrite <- E]; rewrite put_id; ring.
      * unfold eye. apply Nat.eqb_neq in E. rewrite E. ring.
Qed.

Lemma tidy_sound : forall fuel ctx m b, in_range ctx b -> value (tidy fuel ctx m) b = value m b.
Proof.
  induction fuel as [|fuel IH]; intros ctx m b R; simpl; [reflexivity|].
  destruct (distinct_ids (bound_ids m) && disjoint (bound_ids m) (map fst ctx)) eqn:C; [|reflexivity].
  apply andb_prop in C as [C1 C2]. destruct (tidied ctx m) as [n|] eqn:T; [|reflexivity].
  rewrite IH by assumption. symmetry.
  apply (tidied_sound ctx m n (distinct_ids_NoDup _ C1) (disjoint_sound _ _ C2) T b R).
Qed.

End Soundness.

Arguments in_range_app {size}.
Arguments in_range_put {size}.
Arguments within_sound {size}.
Arguments sum_binds_permutation {size}.
Arguments tidy_sound {size env}.
